package mlflow

import (
	"cmp"
	"encoding/json"

	"github.com/spanmill/spanmill/internal/query"
)

type traceReply struct {
	Trace traceMessage `json:"trace"`
}

type traceMessage struct {
	Info  traceInfoJSON `json:"trace_info"`
	Spans []spanMessage `json:"spans,omitempty"`
}

// infoMessageOf is a trace info as it stands in the tables, for its readers.
func infoMessageOf(t *query.TraceInfo) traceInfoJSON {
	m := traceInfoJSON{
		ID: query.GivenID(t.TraceID), ClientRequestID: t.ClientRequestID,
		Location:    locationOf(t.ExperimentID),
		RequestTime: formatMilli(t.RequestMilli), State: cmp.Or(t.State, query.StateUnspecified),
		Metadata: t.Metadata, Tags: t.Tags,
		RequestPreview: t.RequestPreview, ResponsePreview: t.ResponsePreview,
	}
	if t.DurationMilli.Set {
		m.Duration = formatDuration(int64(t.DurationMilli.N))
	}
	for _, a := range t.Assessments {
		m.Assessments = append(m.Assessments, assessmentOf(m.ID, a))
	}
	return m
}

func infoMessagesOf(infos []query.TraceInfo) []traceInfoJSON {
	all := make([]traceInfoJSON, len(infos))
	for i := range infos {
		all[i] = infoMessageOf(&infos[i])
	}
	return all
}

func traceMessageOf(t *query.Trace) traceMessage {
	m := traceMessage{Info: infoMessageOf(&t.TraceInfo)}
	for i := range t.Spans {
		m.Spans = append(m.Spans, spanMessageOf(&t.Spans[i]))
	}
	return m
}

// complete reports whether all spans are there that the client says it sent; of
// one that does not say, at least one.
func complete(t *query.Trace) bool {
	var stats struct {
		Spans int `json:"num_spans"`
	}
	if text := t.Metadata[query.MetadataSizeStats]; text != "" && json.Unmarshal([]byte(text), &stats) != nil {
		stats.Spans = 0 // whatever it is, it is no count
	}
	return len(t.Spans) >= max(stats.Spans, 1)
}

// legacyOf is a trace info for clients before MLflow 3.
func legacyOf(t *query.TraceInfo) legacyInfoJSON {
	out := legacyInfoJSON{
		ID: query.GivenID(t.TraceID), ExperimentID: t.ExperimentID, Timestamp: t.RequestMilli,
		Status: t.State, Metadata: keyValues(t.Metadata), Tags: keyValues(t.Tags),
	}
	if out.Status == query.StateUnspecified || out.Status == "" {
		out.Status = "TRACE_STATUS_UNSPECIFIED"
	}
	if t.DurationMilli.Set {
		out.Duration = int64(t.DurationMilli.N)
	}
	return out
}
