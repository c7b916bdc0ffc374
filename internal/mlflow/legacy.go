package mlflow

import (
	"crypto/rand"
	"encoding/hex"
	"maps"

	"github.com/spanmill/spanmill/pkg/schema"
)

// The older half of the protocol, for clients before MLflow 3: a trace is started
// by one call, which names it, and ended by another.
func legacyRoutes() []route {
	return []route{
		{method: "POST", path: "/2.0/mlflow/traces", needs: write, handle: (*Server).startLegacyTrace},
		{method: "PATCH", path: "/2.0/mlflow/traces/{trace}", needs: write, handle: (*Server).endLegacyTrace},
	}
}

// legacyInfoJSON is a trace info as clients before MLflow 3 read it.
type legacyInfoJSON struct {
	ID           string     `json:"request_id"`
	ExperimentID string     `json:"experiment_id,omitempty"`
	Timestamp    int64      `json:"timestamp_ms"`
	Duration     int64      `json:"execution_time_ms"` // 0 while it runs
	Status       string     `json:"status"`
	Metadata     []keyValue `json:"request_metadata,omitempty"`
	Tags         []keyValue `json:"tags,omitempty"`
}

func replyLegacy(id string, info *schema.TraceInfo) (answer, error) {
	out := legacyInfoJSON{
		ID: id, ExperimentID: info.ExperimentID, Timestamp: info.RequestMilli, Status: info.State,
		Metadata: keyValues(info.Metadata), Tags: keyValues(info.Tags),
	}
	out.Duration = int64(info.DurationMilli.N)
	return reply(struct {
		Info legacyInfoJSON `json:"trace_info"`
	}{out})
}

// pairs reads a list of keys and values.
func (o object) pairs(name string) map[string]string {
	m := make(map[string]string)
	for _, p := range o.objects(name) {
		m[p.required("key")] = p.text("value")
	}
	return m
}

func (s *Server) startLegacyTrace(c *call) (answer, error) {
	o := c.message()
	var random [16]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	id := "tr-" + hex.EncodeToString(random[:])
	info := &schema.TraceInfo{
		ExperimentID: o.required("experiment_id"), RequestMilli: o.integer("timestamp_ms"), State: "IN_PROGRESS",
		Metadata: o.pairs("request_metadata"), Tags: o.pairs("tags"),
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if _, err := s.activeExperiment(c.Context(), c.tenant, info.ExperimentID); err != nil {
		return answer{}, err
	}
	withKeys(info.Tags, tagArtifacts, artifactsOf(info.ExperimentID, id))
	if err := s.deps.Events.Publish(c.Context(), c.tenant, []schema.Event{{Kind: schema.EventTraceInfo, TraceID: hexOf(id), Info: info}}); err != nil {
		return answer{}, err
	}
	return replyLegacy(id, info)
}

// endLegacyTrace tells how a trace ended. Its duration is the time since its
// start, which the tables know.
func (s *Server) endLegacyTrace(c *call) (answer, error) {
	o := c.message()
	id, end := c.PathValue("trace"), o.integer("timestamp_ms")
	state, known := states[o.enum("status")]
	if !known {
		o.wrong("status", "OK, ERROR or IN_PROGRESS")
	}
	change := &schema.TraceInfo{State: state, Metadata: o.pairs("request_metadata"), Tags: o.pairs("tags")}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if err := s.known(c.Context(), c.tenant, id); err != nil {
		return answer{}, err
	}
	answered := *change
	if s.deps.Reader != nil {
		if infos, err := s.deps.Reader.TraceInfos(c.Context(), c.tenant, []string{hexOf(id)}); err == nil && len(infos) > 0 {
			answered.ExperimentID, answered.RequestMilli = infos[0].ExperimentID, infos[0].RequestMilli
			answered.Metadata, answered.Tags = over(infos[0].Metadata, change.Metadata), over(infos[0].Tags, change.Tags)
			change.DurationMilli = schema.Count{N: uint64(max(0, end-infos[0].RequestMilli)), Set: true}
			answered.DurationMilli = change.DurationMilli
		}
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, []schema.Event{{Kind: schema.EventTraceInfo, TraceID: hexOf(id), Info: change}}); err != nil {
		return answer{}, err
	}
	return replyLegacy(id, &answered)
}

// over gives both maps' keys, with the second one's values where both have one.
func over(first, second map[string]string) map[string]string {
	both := make(map[string]string, len(first)+len(second))
	maps.Copy(both, first)
	maps.Copy(both, second)
	return both
}
