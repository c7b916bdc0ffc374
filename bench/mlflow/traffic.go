package mlflow

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// spansOfTrace are sent in two requests: the SDK's batch has five spans.
const (
	spansOfTrace = 8
	firstBatch   = 5
)

// sequence is what the SDK sends for a trace, in its order.
type sequence struct {
	first, second []byte // OTLP
	info          []byte // JSON
}

// maker makes traces. The same seed makes the same.
type maker struct {
	random     *rand.Rand
	words      []string
	experiment string
}

func newMaker(seed uint64, experiment string) *maker {
	m := &maker{random: rand.New(rand.NewPCG(seed, 1)), experiment: experiment}
	for range 4000 {
		m.words = append(m.words, m.word())
	}
	return m
}

func (m *maker) word() string {
	letters := make([]byte, 3+m.random.IntN(8))
	for i := range letters {
		letters[i] = byte('a' + m.random.IntN(26))
	}
	return string(letters)
}

// text has about so many bytes and no other like it.
func (m *maker) text(size int) string {
	var text strings.Builder
	for text.Len() < size {
		text.WriteString(m.words[m.random.IntN(len(m.words))])
		text.WriteByte(' ')
	}
	return text.String()
}

// kinds are the spans of a trace: an agent, which asks a model, looks documents
// up and calls tools.
var kinds = [spansOfTrace]struct {
	name, kind    string
	input, output int // bytes of text
}{
	{"agent", "AGENT", 200, 400},
	{"plan", "CHAT_MODEL", 500, 300},
	{"retrieve", "RETRIEVER", 100, 900},
	{"rerank", "RERANKER", 300, 100},
	{"search", "TOOL", 100, 300},
	{"calculate", "TOOL", 60, 40},
	{"answer", "CHAT_MODEL", 900, 400},
	{"guard", "GUARDRAIL", 300, 20},
}

// trace makes the next trace, which began at a time. The root ends last and is
// in the last batch, as the SDK sends it.
func (m *maker) trace(at time.Time) (sequence, error) {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[:], m.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], m.random.Uint64())
	root := m.spanID()
	first, second := batch(), batch()
	var input, output string
	for i := range spansOfTrace {
		which := (i + 1) % spansOfTrace // the root is 0 and comes last
		to := first
		if i >= firstBatch {
			to = second
		}
		span := to.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
		input, output = m.span(span, which, id, at)
		span.SetSpanID(m.spanID())
		span.SetParentSpanID(root)
		if which == 0 {
			span.SetSpanID(root)
			span.SetParentSpanID(pcommon.SpanID{})
		}
	}
	var s sequence
	var err error
	if s.first, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(first); err != nil {
		return s, err
	}
	if s.second, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(second); err != nil {
		return s, err
	}
	s.info, err = m.info(hex.EncodeToString(id[:]), at, input, output)
	return s, err
}

func (m *maker) spanID() (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], m.random.Uint64()|1)
	return id
}

// batch is an empty request: one resource, one scope without a name.
func batch() ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	for key, value := range map[string]string{
		"telemetry.sdk.language": "python", "telemetry.sdk.name": "mlflow", "telemetry.sdk.version": "3.17.2",
	} {
		resource.Resource().Attributes().PutStr(key, value)
	}
	resource.ScopeSpans().AppendEmpty()
	return traces
}

// span fills a span but for its ids and gives its texts.
func (m *maker) span(span ptrace.Span, which int, id pcommon.TraceID, at time.Time) (input, output string) {
	k := kinds[which]
	start := at.Add(time.Duration(which) * 10 * time.Millisecond)
	span.SetTraceID(id)
	span.SetName(k.name)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(9 * time.Millisecond)))
	span.Status().SetCode(ptrace.StatusCodeOk)
	attributes := span.Attributes()
	attributes.PutStr("mlflow.traceRequestId", "tr-"+hex.EncodeToString(id[:]))
	attributes.PutStr("mlflow.spanType", k.kind)
	attributes.PutStr("mlflow.spanFunctionName", k.name)
	attributes.PutInt("mlflow.spanLogLevel", 20)
	input, output = m.text(k.input), m.text(k.output)
	attributes.PutEmptyMap("mlflow.spanInputs").PutStr("question", input)
	attributes.PutEmptyMap("mlflow.spanOutputs").PutStr("answer", output)
	if k.kind == "CHAT_MODEL" {
		attributes.PutStr("mlflow.llm.model", "gpt-4o-mini")
		attributes.PutStr("mlflow.llm.provider", "openai")
		usage := attributes.PutEmptyMap("mlflow.chat.tokenUsage")
		in, out := int64(m.random.IntN(2000)), int64(m.random.IntN(500))
		usage.PutInt("input_tokens", in)
		usage.PutInt("output_tokens", out)
		usage.PutInt("total_tokens", in+out)
	}
	if which == 0 {
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(at.Add(100 * time.Millisecond)))
	}
	return input, output
}

// info is the last call's body.
func (m *maker) info(id string, at time.Time, input, output string) ([]byte, error) {
	in, out := fmt.Sprintf(`{"question": %q}`, input), fmt.Sprintf(`{"answer": %q}`, output)
	const previewed = 250
	return json.Marshal(map[string]any{"trace": map[string]any{"trace_info": map[string]any{
		"trace_id": "tr-" + id,
		"trace_location": map[string]any{
			"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": map[string]any{"experiment_id": m.experiment},
		},
		"request_time": at.UTC().Format("2006-01-02T15:04:05.000Z"), "execution_duration": "0.100s", "state": "OK",
		"request_preview": in, "response_preview": out,
		"trace_metadata": map[string]any{ //nolint:gosec // no credentials: tokens of a model
			"mlflow.trace_schema.version": "3", "mlflow.user": "bench", "mlflow.source.name": "app.py", "mlflow.source.type": "LOCAL",
			"mlflow.traceInputs": in[:min(len(in), previewed)], "mlflow.traceOutputs": out[:min(len(out), previewed)],
			"mlflow.trace.session": m.words[m.random.IntN(len(m.words))], "mlflow.trace.user": m.words[m.random.IntN(len(m.words))],
			"mlflow.trace.sizeBytes":  "9100",
			"mlflow.trace.sizeStats":  `{"total_size_bytes": 9100, "num_spans": 8, "max": 1500, "p25": 700, "p50": 1000, "p75": 1200}`,
			"mlflow.trace.tokenUsage": `{"input_tokens": 1000, "output_tokens": 300, "total_tokens": 1300}`,
		},
		"tags": map[string]any{"mlflow.traceName": "agent", "env": "bench"},
	}}})
}
