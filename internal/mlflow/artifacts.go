package mlflow

import (
	"net/http"
	"strings"
)

const (
	artifactsPath = "/2.0/mlflow-artifacts/artifacts/{path...}"
	spansFile     = "traces.json"
	typeBytes     = "application/octet-stream"
)

func artifactRoutes() []route {
	return []route{
		{method: "PUT", path: artifactsPath, needs: write, handle: (*Server).putArtifact},
		{method: "GET", path: artifactsPath, needs: read, handle: (*Server).getArtifact},
		{method: "DELETE", path: artifactsPath, needs: write, handle: (*Server).deleteArtifact},
		{method: "GET", path: "/2.0/mlflow/get-trace-artifact", needs: read, handle: (*Server).getTraceArtifact},
		{method: "GET", path: "/3.0/mlflow/get-trace-artifact", needs: read, handle: (*Server).getTraceArtifact},
	}
}

// artifact is a file of a trace, as a path names it:
// <experiment>/traces/<trace>/artifacts/<file>.
type artifact struct{ experiment, trace, file string }

// path is where clients have a file.
func (a artifact) path() string {
	if a.experiment == "" {
		return a.file
	}
	return a.experiment + "/traces/" + a.trace + "/artifacts/attachments/" + a.file
}

// artifactAt reads a path. Only traces have artifacts here.
func artifactAt(path string) (artifact, error) {
	parts := strings.SplitN(path, "/", 5)
	if len(parts) != 5 || parts[1] != "traces" || parts[3] != "artifacts" || parts[2] == "" || len(parts[2]) > maxTraceID {
		return artifact{}, missing("There is no artifact '" + path + "': spanmill keeps those of traces, at <experiment>/traces/<trace>/artifacts/<file>")
	}
	file := strings.TrimPrefix(parts[4], "attachments/")
	if !plainName(file) {
		return artifact{}, invalid("Invalid path: a file of a trace is named by letters, digits, '.', '_' and '-'")
	}
	return artifact{parts[0], parts[2], file}, nil
}

// plainName reports whether a name may be a file's, on any file system.
func plainName(name string) bool {
	return name != "" && len(name) <= 128 && name[0] != '.' && strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}) < 0
}

// putArtifact takes a file of a trace. SDKs that do not send spans by OTLP send
// them as a file; they go the way of all spans, and are kept once.
func (s *Server) putArtifact(c *call) (answer, error) {
	a, err := artifactAt(c.PathValue("path"))
	if err != nil {
		return answer{}, err
	}
	if _, err := s.activeExperiment(c.Context(), c.tenant, a.experiment); err != nil {
		return answer{}, err
	}
	if a.file != spansFile {
		return answer{}, s.attachments.put(c.tenant, a, c.body)
	}
	request, err := spansOf(a.trace, c.body)
	if err != nil || request == nil {
		return answer{}, err
	}
	rejected, err := s.deps.Spans.Ingest(c.Context(), c.tenant, a.experiment, request)
	if err == nil && rejected != "" {
		err = &Error{Status: http.StatusRequestEntityTooLarge, Reason: reasonInvalid, Message: rejected}
	}
	return answer{}, err
}

func (s *Server) getArtifact(c *call) (answer, error) {
	a, err := artifactAt(c.PathValue("path"))
	if err != nil {
		return answer{}, err
	}
	return s.attachment(c, a)
}

// getTraceArtifact is how MLflow's page asks for an attachment.
func (s *Server) getTraceArtifact(c *call) (answer, error) {
	o := c.message()
	a := artifact{trace: o.required("request_id"), file: o.text("path")}
	if a.file == "" {
		a.file = spansFile
	}
	if !plainName(a.file) {
		o.wrong("path", "the name of a file")
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	return s.attachment(c, a)
}

func (s *Server) attachment(c *call, a artifact) (answer, error) {
	if a.file == spansFile {
		return s.spansJSON(c, a.trace)
	}
	content, err := s.attachments.get(c.tenant, a)
	return answer{typeBytes, content}, err
}

// deleteArtifact may be asked twice.
func (s *Server) deleteArtifact(c *call) (answer, error) {
	a, err := artifactAt(c.PathValue("path"))
	if err != nil {
		return answer{}, err
	}
	if err := s.attachments.remove(c.tenant, a); err != nil {
		return answer{}, err
	}
	return empty()
}
