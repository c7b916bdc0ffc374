package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestEverySpanThreeTimes: as SDKs do it that retry (the same bytes), and as
// collectors do it that batch anew (the same spans in other requests, in another
// order). Rows and tokens are as if each span had been sent once.
func TestEverySpanThreeTimes(t *testing.T) {
	const service, traces, perTrace = "thrice", 60, 6
	up := harness.Start(t, harness.NewUp(t), harness.Options{Env: []string{"SPANMILL_MAX_AGE=100ms"}})
	rng := rand.New(rand.NewPCG(1, 1))
	var requests []*collectorpb.ExportTraceServiceRequest
	var spans []*tracepb.Span
	var input, output int64
	for range traces {
		r := newTrace(service, perTrace)
		for i, s := range r.ResourceSpans[0].ScopeSpans[0].Spans[1:] { // the calls below the root
			in, out := rng.Int64N(1000), rng.Int64N(1000)
			s.Attributes = []*commonpb.KeyValue{
				text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", fmt.Sprintf("model-%d", i)),
				whole("gen_ai.usage.input_tokens", in), whole("gen_ai.usage.output_tokens", out),
			}
			input, output = input+in, output+out
		}
		requests = append(requests, r)
		spans = append(spans, r.ResourceSpans[0].ScopeSpans[0].Spans...)
	}
	for _, r := range requests {
		for range 3 {
			send(t, up, r) // the same bytes, at once
		}
	}
	for round := range 2 { // other batches, other order
		rng.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		for chunk := range slices.Chunk(spans, 7+20*round) {
			r := proto.CloneOf(requests[0])
			r.ResourceSpans[0].ScopeSpans[0].Spans = chunk
			for range 3 {
				send(t, up, r)
			}
		}
	}
	last := newTrace("last", 1)
	for range 40 { // behind all others in every partition
		last.ResourceSpans = append(last.ResourceSpans, newTrace("last", 1).ResourceSpans...)
	}
	send(t, up, last)
	awaitCount(t, up, "last", 41)

	awaitCount(t, up, service, traces*perTrace)
	sums := fmt.Sprintf("%d\t%d", input, output)
	if got := up.SQL(t, "SELECT sum(input_tokens), sum(output_tokens) FROM spans WHERE service_name = '"+service+"'"); got != sums {
		t.Errorf("tokens of spans %q, want %q", got, sums)
	}
	want := fmt.Sprintf("%d\t%d\t%s", traces, traces*perTrace, sums)
	if got := up.SQL(t, "SELECT uniqExact(trace_id), sum(spans), sum(input_tokens), sum(output_tokens) FROM trace_parts WHERE service_name = '"+service+"'"); got != want {
		t.Errorf("sums of traces %q, want %q", got, want)
	}
	if dropped := metricLines(t, up, "spanmill_writer_duplicate_spans_total"); len(dropped) != 1 || dropped[0] != fmt.Sprintf("spanmill_writer_duplicate_spans_total %d", 8*traces*perTrace) {
		t.Errorf("%q, want %d resends of each span", dropped, 8)
	}
	awaitVerified(t, up, fmt.Sprintf("exact: %d rows of spans", traces*perTrace+41))
	up.Terminate(t)
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func whole(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}
