package aggregator

import (
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Event times outside of these bounds around the received time are not
// believed: the span counts in the pane in which it was received, and as
// misdated.
const (
	mostPast   = 30 * 24 * time.Hour
	mostFuture = 24 * time.Hour
	// lateAfter is the age at which an ended span counts as late. It is counted
	// like any other.
	lateAfter = 10 * time.Minute
)

const statusError = 2 // OTLP's

// facts is what one span tells: its dimensions, and an observation for each
// metric of have. Strings alias the record.
type facts struct {
	tenant string
	eval   bool
	pane   int64
	weight rollup.Weight
	labels [dims]string
	own    []string // labels of the view of metrics.yaml in hand
	of     [choices + 1]bool

	have          metricSet
	values        [metricCount]rollup.Observation
	user, session rollup.Register
	reasons       []string

	normalised int // names that had to be
	refused    int // values that are out of range

	fp, parent dedup.Fingerprint // parent is not set for a root
	root       bool
	start, end uint64 // of its work; equal if it has none
	request    uint64 // stands for what a model was asked; 0: unknown

	paid schema.Count // 1e-9 US dollars

	nameBuf, toolBuf, depBuf []byte
}

// arrival is how a span came.
type arrival struct {
	tenant     string
	experiment string // of the record, "" if it has none
	received   int64  // Unix milliseconds
}

// gather works out what a span tells. cost is what the writer stores for it.
func (f *facts) gather(span *schema.Span, g *schema.GenAI, at arrival, cost schema.Count) {
	f.have, f.reasons, f.normalised, f.refused = 0, f.reasons[:0], 0, 0
	f.tenant, f.paid = at.tenant, cost
	f.eval, f.weight = g.Eval, rollup.Weight(g.Weight)
	once := rollup.Plain(1, f.weight)
	f.date(span, at.received, once)
	f.label(span, g, at.experiment)

	failed := span.StatusCode == statusError
	f.of = [choices + 1]bool{
		allSpans: true, modelCalls: g.Billable, toolCalls: g.Kind == "TOOL",
		failedSpans: failed, failedModelCalls: failed && g.Billable,
		dependencyCalls: f.labels[dimDependency] != "", rootSpans: f.root,
	}
	f.set(spanCount, once)
	f.value(spanDuration, f.end-f.start)
	if failed {
		f.set(spanErrors, once)
		f.labels[dimClass] = classOf(g.ErrorType, span.StatusMessage, g.HTTPStatus, g.Kind)
	}
	if f.root {
		f.value(traceLatency, f.end-f.start)
		if failed {
			f.set(traceErrors, once)
		}
	}
	f.identity(g)
	if g.Billable {
		f.usage(g, cost, once)
		f.answer(g)
	}
}

// date finds the pane of a span, and how long it worked.
func (f *facts) date(span *schema.Span, received int64, once rollup.Observation) {
	f.root = span.ParentSpanID.IsZero()
	f.start, f.end = span.StartUnixNano, span.EndUnixNano
	if f.start == 0 || f.end < f.start {
		f.start, f.end = 0, 0
	}
	now := uint64(max(received, 0)) * uint64(time.Millisecond)
	end := span.EndUnixNano
	if end+uint64(mostPast) < now || end > now+uint64(mostFuture) || end > math.MaxInt64 {
		f.set(misdatedSpans, once)
		end = now
	} else if end+uint64(lateAfter) < now {
		f.set(lateSpans, once)
	}
	f.pane = rollup.PaneOf(end)
}

func (f *facts) label(span *schema.Span, g *schema.GenAI, experiment string) {
	f.labels = [dims]string{
		dimService: rollup.LabelText(g.ServiceName), dimKind: g.Kind, dimProvider: rollup.LabelText(g.Provider), dimModel: rollup.LabelText(g.Model),
		dimExperiment: rollup.LabelText(experimentOf(experiment, g.ExperimentID)),
	}
	f.labels[dimName], f.nameBuf = f.normal(span.Name, f.nameBuf)
	if g.Kind == "TOOL" {
		f.labels[dimTool], f.toolBuf = f.normal(firstText(g.ToolName, span.Name), f.toolBuf)
	}
	switch {
	case g.Kind == "TOOL":
		f.labels[dimDependency] = f.labels[dimTool]
	case g.Kind == "RETRIEVER" || g.Kind == "UNKNOWN" && span.Kind == spanKindClient:
		f.labels[dimDependency], f.depBuf = f.normal(firstText(g.DataSourceID, g.ServerAddress, span.Name), f.depBuf)
	}
}

const spanKindClient = 3 // OTLP's

func (f *facts) normal(name string, buf []byte) (string, []byte) {
	out, buf, changed := normalName(name, buf)
	if changed {
		f.normalised++
	}
	return out, buf
}

func (f *facts) identity(g *schema.GenAI) {
	if g.UserID != "" {
		f.user = rollup.RegisterOf(g.UserID)
		f.have |= setOf(users)
	}
	if g.SessionID != "" {
		f.session = rollup.RegisterOf(g.SessionID)
		f.have |= setOf(sessions)
	}
}

// usage is what a model call used, and what that costs.
func (f *facts) usage(g *schema.GenAI, paid schema.Count, once rollup.Observation) {
	total := g.TotalTokens
	if !total.Set && (g.InputTokens.Set || g.OutputTokens.Set) {
		sum, carry := bits.Add64(g.InputTokens.N, g.OutputTokens.N, 0)
		total = schema.Count{N: sum | -carry, Set: true}
	}
	f.count(inputTokens, g.InputTokens)
	f.count(outputTokens, g.OutputTokens)
	f.count(totalTokens, total)
	f.count(cacheReadTokens, g.CacheReadTokens)
	f.count(cacheWriteTokens, g.CacheWriteTokens)
	f.count(reasoningTokens, g.ReasoningTokens)
	f.count(cost, paid)
	if !paid.Set {
		f.set(unpricedCalls, once)
	}
}

// answer is how a model's answer came, and why it ended.
func (f *facts) answer(g *schema.GenAI) {
	f.count(firstToken, g.TTFTNs)
	work := f.end - f.start
	if g.TTFTNs.Set && g.TTFTNs.N < work {
		work -= g.TTFTNs.N
	}
	if g.OutputTokens.Set && work > 0 && g.OutputTokens.N <= rollup.MaxValue {
		hi, lo := bits.Mul64(g.OutputTokens.N, 1_000_000*uint64(time.Second))
		if hi < work {
			rate, _ := bits.Div64(hi, lo, work)
			f.value(outputRate, rate)
		}
	}
	for _, r := range g.FinishReasons {
		if len(f.reasons) < maxReasons && r != "" {
			f.reasons = append(f.reasons, strings.ToLower(rollup.LabelText(r)))
		}
	}
	f.request = requestOf(g)
}

// maxReasons bounds how many choices of one answer are counted.
const maxReasons = 16

func (f *facts) set(m metric, o rollup.Observation) {
	f.values[m] = o
	f.have |= 1 << m
}

func (f *facts) count(m metric, c schema.Count) {
	if c.Set {
		f.value(m, c.N)
	}
}

// value refuses what would let sums wrap.
func (f *facts) value(m metric, v uint64) {
	if v > rollup.MaxValue {
		f.refused++
		return
	}
	if definitions[m].form == measured {
		f.set(m, rollup.Of(int64(v), f.weight))
	} else {
		f.set(m, rollup.Plain(int64(v), f.weight))
	}
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func experimentOf(header, attribute string) string {
	return firstText(header, attribute, schema.DefaultExperiment)
}
