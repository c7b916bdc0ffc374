package oracle

import "encoding/hex"

// sums are what trace_parts says of a trace.
type sums struct {
	Spans, Errors, LLMCalls   int64
	InputTokens, OutputTokens int64 // of billable spans
	Start, End                int64
	Roots                     int64
	RootName                  string
}

// traceRow judges the sums of a trace: they must be those of its spans that are
// in the table.
func (j *judge) traceRow(r *rowReader) {
	traceHex := string(r.text())
	got := sums{
		Spans: int64(r.u64()), Errors: int64(r.u64()), LLMCalls: int64(r.u64()),
		InputTokens: int64(r.u64()), OutputTokens: int64(r.u64()),
		Start: int64(r.u64()), End: int64(r.u64()), Roots: int64(r.u64()), RootName: string(r.text()),
	}
	var id [16]byte
	n, err := hex.Decode(id[:], []byte(traceHex)[:min(len(traceHex), 32)])
	i, ok := j.gen.TraceNumber(id)
	if err != nil || n != 16 || !ok || !j.tally.covers(i) {
		j.report.WrongTraces++
		j.report.sayf("trace_parts: trace %s: nothing like it was sent", traceHex)
		return
	}
	j.tally.markParts(i)
	if want := j.sumsOf(i); got != want {
		j.report.WrongTraces++
		j.report.sayf("trace_parts: trace %d (%s): sums are %+v, want %+v", i, traceHex, got, want)
	}
}

// sumsOf sums the spans of a trace that are in the table.
func (j *judge) sumsOf(i uint64) (t sums) {
	for s := range j.gen.Size(i) {
		if j.tally.count(i, s, s+1) == 0 {
			continue
		}
		span := j.maker.Span(i, s)
		if t.Spans == 0 || int64(span.Start) < t.Start {
			t.Start = int64(span.Start)
		}
		t.End = max(t.End, int64(span.End))
		t.Spans++
		if span.Status == 2 {
			t.Errors++
		}
		if span.Want.Kind == "LLM" {
			t.LLMCalls++
		}
		if span.Want.Billable {
			t.InputTokens += max(span.Want.InputTokens, 0)
			t.OutputTokens += max(span.Want.OutputTokens, 0)
		}
		if s == 0 {
			t.Roots, t.RootName = 1, string([]byte(span.Name))
		}
	}
	return t
}

// settleTraces looks for traces that trace_parts forgot.
func (j *judge) settleTraces() {
	t := j.tally
	for i := t.from.Trace; i < t.to.Trace; i++ {
		k := i - t.from.Trace
		if t.parts[k/64]>>(k%64)&1 == 0 && t.count(i, 0, j.gen.Size(i)) > 0 {
			j.report.WrongTraces++
			j.report.sayf("trace_parts: trace %d (%x): not there, but its spans are", i, j.gen.TraceID(i))
		}
	}
}
