package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// What the server adds to a trace info.
const (
	metadataFinalized = "mlflow.trace.infoFinalized"
	tagSpansLocation  = "mlflow.trace.spansLocation"
	tagArtifacts      = "mlflow.artifactLocation"
	trackingStore     = "TRACKING_STORE"
	typeExperiment    = "MLFLOW_EXPERIMENT"
)

// maxTraceID bounds an id in bytes: it is a key of records and rows.
const maxTraceID = 250

func traceRoutes() []route {
	return []route{
		{method: "POST", path: "/3.0/mlflow/traces", needs: write, handle: (*Server).createTrace},
		{method: "POST", path: "/2.0/mlflow/traces/delete-traces", needs: write, handle: (*Server).deleteTraces},
		{method: "POST", path: "/3.0/mlflow/traces/delete-traces", needs: write, handle: (*Server).deleteTraces},
		{method: "PATCH", path: "/2.0/mlflow/traces/{trace}/tags", needs: write, handle: (*Server).setTag},
		{method: "PATCH", path: "/3.0/mlflow/traces/{trace}/tags", needs: write, handle: (*Server).setTag},
		{method: "DELETE", path: "/2.0/mlflow/traces/{trace}/tags", needs: write, handle: (*Server).deleteTag},
		{method: "DELETE", path: "/3.0/mlflow/traces/{trace}/tags", needs: write, handle: (*Server).deleteTag},
		{method: "POST", path: "/2.0/mlflow/traces/link-to-run", needs: write, handle: (*Server).linkToRun},
		{method: "POST", path: "/2.0/mlflow/traces/link-prompts", needs: write, handle: (*Server).linkPrompts},
	}
}

// hexOf gives an id as tables have it: the hexadecimal digits of tr-…, any
// other text as it is.
func hexOf(id string) string {
	if hex, ok := strings.CutPrefix(id, "tr-"); ok {
		if _, ok := schema.ParseTraceID(hex); ok {
			return hex
		}
	}
	return id
}

// states of a trace, by name and by number.
var states = map[string]string{
	"": "STATE_UNSPECIFIED", "STATE_UNSPECIFIED": "STATE_UNSPECIFIED", "0": "STATE_UNSPECIFIED",
	"OK": "OK", "1": "OK", "ERROR": "ERROR", "2": "ERROR", "IN_PROGRESS": "IN_PROGRESS", "3": "IN_PROGRESS",
}

// createTrace takes a trace info, which SDKs send when a trace has ended. The
// spans come by another call, before, after or meanwhile; the answer always
// says that they are in the tracking store (M3).
func (s *Server) createTrace(c *call) (answer, error) {
	o := c.message()
	trace := o.object("trace")
	sent := trace.object("trace_info")
	if !o.has("trace") || !trace.has("trace_info") {
		o.lacks("trace")
	}
	id, info, experiment := traceInfo(sent)
	assessments := sent.objects("assessments")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if _, err := s.activeExperiment(c.Context(), c.tenant, experiment); err != nil {
		return answer{}, err
	}
	answered := infoJSON(id, info)
	events := []schema.Event{{Kind: schema.EventTraceInfo, TraceID: hexOf(id), Info: info}}
	for _, a := range assessments {
		made, err := newAssessment(id, a)
		if err != nil {
			return answer{}, err
		}
		events = append(events, made.events(hexOf(id))...)
		answered.Assessments = append(answered.Assessments, assessmentOf(id, made.Assessment))
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	return replyTrace(answered)
}

// replyTrace answers {"trace": {"trace_info": info}}.
func replyTrace(info traceInfoJSON) (answer, error) {
	out := make([]byte, 0, info.size())
	out = append(out, `{"trace":{"trace_info":`...)
	out = info.appendTo(out)
	return answer{typeJSON, append(out, "}}"...)}, nil
}

// traceInfo reads a trace info and adds what the server knows.
func traceInfo(sent object) (id string, info *schema.TraceInfo, experiment string) {
	id = sent.required("trace_id")
	if len(id) > maxTraceID {
		sent.wrong("trace_id", "at most 250 bytes long")
	}
	location := sent.object("trace_location")
	experiment = location.object("mlflow_experiment").required("experiment_id")
	state, known := states[sent.enum("state")]
	if !known {
		state = states[""] // as MLflow takes it
	}
	info = &schema.TraceInfo{
		ExperimentID:    experiment,
		ClientRequestID: sent.text("client_request_id"),
		RequestMilli:    sent.milli("request_time"),
		State:           state,
		RequestPreview:  sent.text("request_preview"),
		ResponsePreview: sent.text("response_preview"),
		Metadata:        withKeys(sent.texts("trace_metadata"), metadataFinalized, "true"),
		Tags:            withKeys(sent.texts("tags"), tagSpansLocation, trackingStore, tagArtifacts, artifactsOf(experiment, id)),
	}
	if sent.has("execution_duration") {
		info.DurationMilli = schema.Count{N: uint64(max(0, sent.duration("execution_duration"))), Set: true}
	}
	return id, info, experiment
}

// artifactsOf is where a trace's artifacts are, as clients are told.
func artifactsOf(experiment, id string) string {
	return "mlflow-artifacts:/" + experiment + "/traces/" + id + "/artifacts"
}

// withKeys adds keys and values to a map.
func withKeys(m map[string]string, pairs ...string) map[string]string {
	if m == nil {
		m = make(map[string]string, len(pairs)/2)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// infoJSON is a trace info that was just taken, for its sender.
func infoJSON(id string, info *schema.TraceInfo) traceInfoJSON {
	out := traceInfoJSON{
		ID: id, ClientRequestID: info.ClientRequestID, Location: locationOf(info.ExperimentID),
		RequestTime: formatMilli(info.RequestMilli), State: info.State,
		Metadata: info.Metadata, Tags: info.Tags,
		RequestPreview: info.RequestPreview, ResponsePreview: info.ResponsePreview,
	}
	if info.DurationMilli.Set {
		out.Duration = formatDuration(int64(info.DurationMilli.N))
	}
	return out
}

// known makes sure that a trace exists, as far as anybody can tell: without the
// tables, what a client says is believed.
func (s *Server) known(ctx context.Context, tenant, id string) error {
	if s.deps.Reader == nil {
		return nil
	}
	found, err := s.awaitTrace(ctx, tenant, hexOf(id))
	if err == nil && !found {
		return missing("Trace with ID '" + id + "' not found.")
	}
	return nil
}

// prompt is a version of a prompt, as linked to a trace.
type prompt struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// linkToRun says that traces belong to a run too. Nothing is known of runs here,
// so any is right.
func (s *Server) linkToRun(c *call) (answer, error) {
	o := c.message()
	ids := o.list("trace_ids")
	if len(ids) == 0 {
		o.lacks("trace_ids")
	}
	run := o.required("run_id")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if len(ids) > maxLinked {
		return answer{}, invalid(fmt.Sprintf("Cannot link more than %d traces to a run in a single request. Provided %d traces.", maxLinked, len(ids)))
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, runLinks(ids, run)); err != nil {
		return answer{}, err
	}
	return empty()
}

// maxLinked is MLflow's bound of a link-to-run.
const maxLinked = 100

// runLinks adds a run to traces.
func runLinks(ids []string, run string) []schema.Event {
	var events []schema.Event
	for _, id := range ids {
		events = append(events, schema.Event{
			Kind: schema.EventTag, TraceID: hexOf(id),
			Tag: &schema.Tag{Key: schema.TagLinkedRun + run, Value: run},
		})
	}
	return events
}

// linkPrompts says which prompts a trace used. Each is a tag of its own, so that
// later ones add to earlier ones; readers see them as MLflow's one tag.
func (s *Server) linkPrompts(c *call) (answer, error) {
	o := c.message()
	id := o.required("trace_id")
	var events []schema.Event
	for _, p := range o.objects("prompt_versions") {
		linked := prompt{p.required("name"), p.required("version")}
		value, err := json.Marshal(linked)
		if err != nil {
			return answer{}, err
		}
		events = append(events, schema.Event{
			Kind: schema.EventTag, TraceID: hexOf(id),
			Tag: &schema.Tag{Key: schema.TagLinkedPrompt + linked.Name + "/" + linked.Version, Value: string(value)},
		})
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	return empty()
}
