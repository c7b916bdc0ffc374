package audit

import (
	"context"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// partKey names a row of trace_parts.
type partKey struct {
	batch  pipeline.Range
	tenant string
	trace  schema.TraceID
}

// partSum is what a row of trace_parts must say.
type partSum struct {
	must, may uint64 // spans: at least, at most
	day       uint16 // least of its spans: what its retention counts from
	excuse    excuse // of the spans that need not be there
	found     int
}

// compareParts holds the sums over the window's spans, batch by batch, against
// the rows of trace_parts.
func (w *window) compareParts(ctx context.Context, at writer.Place) error {
	sums := w.sums()
	cut := make(map[pipeline.Range]bool) // batches of which the log has a part only
	for _, b := range w.batches {
		cut[b.Range] = b.known && !b.whole
	}
	err := w.v.Tables.StoredParts(ctx, at, func(p *schema.StoredPart) error {
		r := pipeline.Range{First: p.First, Last: p.Last}
		sum, ok := sums[partKey{r, p.Tenant, p.Trace}]
		switch {
		case ok:
			sum.found++
			if p.Spans < sum.must || p.Spans > sum.may && !cut[r] {
				w.v.Report.differsf(tableParts, Wrong, "%s/%d–%d: trace %s has %d spans there, %d to %d in the log",
					w.where(), r.First, r.Last, p.Trace, p.Spans, sum.must, sum.may)
			}
		case p.Log != w.extent.id():
			w.v.Report.EarlierLife++
		case !cut[r]:
			w.v.Report.differsf(tableParts, Extra, "%s/%d–%d: trace %s: no span of it in the log", w.where(), r.First, r.Last, p.Trace)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key, sum := range sums {
		w.judgePart(key, sum)
	}
	return nil
}

// sums adds up the window's spans.
func (w *window) sums() map[partKey]*partSum {
	sums := make(map[partKey]*partSum)
	next := 0
	for i := range w.spans {
		x := &w.spans[i]
		for x.offset > w.batches[next].Last {
			next++
		}
		key := partKey{w.batches[next].Range, x.tenant, x.trace}
		sum := sums[key]
		if sum == nil {
			sum = &partSum{day: x.day}
			sums[key] = sum
		}
		sum.may++
		sum.day = min(sum.day, x.day)
		if x.excuse == none || x.found > 0 && x.excuse != expired && x.excuse != deleted {
			sum.must++
		} else {
			sum.excuse = x.excuse
		}
	}
	return sums
}

// judgePart counts a row of trace_parts once all of the batch were seen.
func (w *window) judgePart(key partKey, sum *partSum) {
	report := w.v.Report
	r := key.batch
	switch {
	case sum.found == 1:
		report.Parts++
	case sum.found > 1:
		report.Parts++
		report.differsf(tableParts, Doubled, "%s/%d–%d: trace %s is there %d times", w.where(), r.First, r.Last, key.trace, sum.found)
	case w.v.Terms.over(key.tenant, sum.day):
		report.excused(expired)
	case sum.must == 0:
		report.excused(sum.excuse)
	default:
		report.differsf(tableParts, Missing, "%s/%d–%d: trace %s with %d spans", w.where(), r.First, r.Last, key.trace, sum.must)
	}
}
