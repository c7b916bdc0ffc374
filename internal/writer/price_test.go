package writer

import (
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// pricedSpans keeps what rows cost.
type pricedSpans struct {
	fakeBlock
	costs []schema.Cost
}

func (b *pricedSpans) Append(rows []schema.SpanRow) {
	for _, r := range rows {
		b.costs = append(b.costs, r.Cost)
	}
}

// calls encodes a trace: a roll-up that repeats its children's usage, a call of
// a model with a price, and one without.
func calls(t *testing.T) []byte {
	t.Helper()
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i, c := range []struct{ operation, provider, model string }{
		{"invoke_agent", "openai", "gpt-4o"}, {"chat", " OpenAI ", "gpt-4o-2024-08-06"}, {"chat", "acme", "gpt-4o"},
	} {
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1})
		s.SetSpanID(pcommon.SpanID{byte(i + 1)})
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(received))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(received))
		s.Attributes().PutStr("gen_ai.operation.name", c.operation)
		s.Attributes().PutStr("gen_ai.provider.name", c.provider)
		s.Attributes().PutStr("gen_ai.response.model", c.model)
		s.Attributes().PutInt("gen_ai.usage.input_tokens", 1000)
		s.Attributes().PutInt("gen_ai.usage.cache_read.input_tokens", 600)
		s.Attributes().PutInt("gen_ai.usage.output_tokens", 10)
	}
	b, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSpansArePriced by the books in force when their record was received, once
// each, and counted where they have no price.
func TestSpansArePriced(t *testing.T) {
	s, _ := testStage(t)
	books, err := pricing.Load(pricing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.pricer = pricing.NewPricer(books)
	block := &pricedSpans{}
	s.spans = block
	feed(t, s, record(0, calls(t)))
	const input = 400*2500 + 600*1250
	const want = input + 10*10_000
	n := schema.Count{N: want, Set: true}
	got := block.costs
	if len(got) != 3 || got[0] != (schema.Cost{Source: schema.CostNone}) || got[2] != got[0] {
		t.Errorf("costs %+v", got)
	}
	if got[1] != (schema.Cost{Nano: want, Source: schema.CostComputed, Computed: n, Input: input, Version: got[1].Version}) || got[1].Version == "" {
		t.Errorf("cost %+v, want %d", got[1], want)
	}
	s.Tables(pipeline.Range{First: 0, Last: 0})
	if p := s.traces.parts[0]; p.CostNano != want || p.CostInputNano != input || p.Tells != schema.TellsUsage|schema.TellsPrice {
		t.Errorf("the trace costs %d, %d of it for input; it tells %b; want %d, %d", p.CostNano, p.CostInputNano, p.Tells, want, input)
	}
	if a, b := count(t, s.metrics.computed), count(t, s.metrics.unpriced[pricing.UnknownProvider]); a != 1 || b != 1 {
		t.Errorf("%v priced, %v unpriced", a, b)
	}
}

// TestPriceIsOfTheRecordsTime: not of the time that it is written, or written
// again.
func TestPriceIsOfTheRecordsTime(t *testing.T) {
	var costs []schema.Cost
	for _, at := range []time.Time{received.Add(-time.Hour), received, received.Add(time.Millisecond)} {
		s, _ := testStage(t)
		books, err := pricing.Load(pricing.Config{Files: []string{"testdata/prices.json@" + received.Format(time.RFC3339)}})
		if err != nil {
			t.Fatal(err)
		}
		s.pricer = pricing.NewPricer(books)
		block := &pricedSpans{}
		s.spans = block
		r := record(0, calls(t))
		r.Time = at
		feed(t, s, r)
		costs = append(costs, block.costs[1])
	}
	if costs[0].Nano == costs[1].Nano || costs[1] != costs[2] || costs[1].Nano != 1000*7000+10*7000 {
		t.Errorf("costs %+v", costs)
	}
}
