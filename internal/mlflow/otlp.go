package mlflow

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

const (
	headerExperiment = "X-Mlflow-Experiment-Id"
	headerRun        = "X-Mlflow-Run-Id"
)

func otlpRoutes() []route {
	return []route{{method: "POST", path: "/v1/traces", needs: write, raw: true, handle: (*Server).export}}
}

// detail refuses as FastAPI does, which answers this one call.
func detail(status int, reason string, what any) *Error {
	return &Error{Status: status, Reason: reason, Message: "OTLP request refused", detail: what}
}

// export takes spans by OTLP. SDKs take anything but 200 for a failure, and lose
// the spans without a word. A request is taken whole, or not at all where its
// spans are no spans.
func (s *Server) export(c *call) (answer, error) {
	experiment := c.Header.Get(headerExperiment)
	if experiment == "" {
		return answer{}, detail(http.StatusUnprocessableEntity, reasonInvalid, []any{map[string]any{
			"type": "missing", "loc": []string{"header", "x-mlflow-experiment-id"}, "msg": "Field required", "input": nil,
		}})
	}
	body, release, err := s.spans(c)
	defer release()
	if err != nil {
		return answer{}, err
	}
	if _, err := s.activeExperiment(c.Context(), c.tenant, experiment); err != nil {
		return answer{}, err
	}
	rejected, err := s.deps.Spans.Ingest(c.Context(), c.tenant, experiment, body)
	if e, refused := err.(*Error); refused && e.Status == http.StatusBadRequest { //nolint:errorlint // Spans says that its errors are these
		return answer{}, detail(e.Status, e.Reason, "Invalid OpenTelemetry format")
	}
	switch {
	case err != nil:
		return answer{}, err
	case rejected != "":
		return answer{}, detail(http.StatusRequestEntityTooLarge, reasonInvalid, rejected)
	}
	if run := c.Header.Get(headerRun); run != "" {
		if err := s.linkSpans(c.Context(), c.tenant, run, body); err != nil {
			return answer{}, err
		}
	}
	return answer{contentType: typeProtobuf}, nil
}

// spans reads the request as protobuf and looks for what makes it none.
func (s *Server) spans(c *call) (body []byte, release func(), err error) {
	contentType, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || contentType != typeProtobuf && contentType != typeJSON {
		return nil, func() {}, detail(http.StatusBadRequest, reasonInvalid,
			"Invalid Content-Type: "+c.Header.Get("Content-Type")+". Expected: "+typeProtobuf+" or "+typeJSON)
	}
	encoding := strings.ToLower(c.Header.Get("Content-Encoding"))
	if encoding != "" && encoding != "identity" && encoding != "gzip" && encoding != "deflate" {
		return nil, func() {}, detail(http.StatusBadRequest, reasonInvalid, "Unsupported Content-Encoding: "+encoding)
	}
	body, release, err = s.deps.Door.Receive(c.Request)
	if e, refused := err.(*Error); refused && e.Status == http.StatusBadRequest { //nolint:errorlint // Door says that its errors are these
		return nil, release, detail(e.Status, e.Reason, "Failed to decompress "+encoding+" payload")
	}
	if err != nil {
		return nil, release, err
	}
	if contentType == typeJSON && len(body) > 0 {
		if body, err = otlp.FromJSON(nil, body); err != nil {
			return nil, release, detail(http.StatusBadRequest, reasonInvalid, "Invalid OpenTelemetry format")
		}
	}
	if len(body) == 0 {
		return nil, release, detail(http.StatusBadRequest, reasonInvalid, "Invalid OpenTelemetry format - no spans found")
	}
	unusable := false
	otlp.EachSpan(body, func(trace, span []byte) { unusable = unusable || !usable(trace, 16) || !usable(span, 8) })
	if unusable {
		return nil, release, detail(http.StatusUnprocessableEntity, reasonInvalid, "Cannot convert OpenTelemetry span to MLflow span")
	}
	return body, release, nil
}

// usable reports whether an id has its length and is not all zero.
func usable(id []byte, length int) bool {
	return len(id) == length && slices.ContainsFunc(id, func(b byte) bool { return b != 0 })
}

// linkSpans adds the traces of a request to a run.
func (s *Server) linkSpans(ctx context.Context, tenant, run string, body []byte) error {
	var ids []string
	met := make(map[schema.TraceID]bool)
	otlp.EachSpan(body, func(trace, _ []byte) {
		if id := schema.TraceID(trace); !met[id] {
			met[id] = true
			ids = append(ids, id.String())
		}
	})
	return s.deps.Events.Publish(ctx, tenant, runLinks(ids, run))
}
