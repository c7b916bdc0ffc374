package audit

import (
	"context"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Names of the tables, as the store has them.
const (
	tableSpans = "spans"
	tableParts = "trace_parts"
)

// compareSpans goes through the window's expected rows and those of the table
// together: both are in the order of the log.
func (w *window) compareSpans(ctx context.Context, at writer.Place) error {
	next := 0 // of w.spans; those before it have been judged
	err := w.v.Tables.StoredSpans(ctx, at, func(s *schema.StoredSpan) error {
		for next < len(w.spans) && w.spans[next].before(s) {
			w.judge(&w.spans[next])
			next++
		}
		if next == len(w.spans) || !w.spans[next].is(s) {
			w.unexpected(s)
			return nil
		}
		w.spans[next].found++
		return nil
	})
	if err != nil {
		return err
	}
	for ; next < len(w.spans); next++ {
		w.judge(&w.spans[next])
	}
	return nil
}

// before reports whether the row's place lies before that of s.
func (x *expected) before(s *schema.StoredSpan) bool {
	return x.offset < s.Offset || x.offset == s.Offset && x.index < s.Index
}

func (x *expected) is(s *schema.StoredSpan) bool {
	return x.offset == s.Offset && x.index == s.Index && x.trace == s.Trace && x.span == s.Span
}

// judge counts an expected row once all rows of its place were seen.
func (w *window) judge(x *expected) {
	report := w.v.Report
	switch {
	case x.found == 1:
		report.Spans++
	case x.found > 1:
		report.Spans++
		report.Differences.add(tableSpans, Doubled, int64(x.found-2))
		report.differsf(tableSpans, Doubled, "%s/%d/%d: span %s of trace %s is there %d times", w.where(), x.offset, x.index, x.span, x.trace, x.found)
	case x.excuse != none:
		report.excused(x.excuse)
	default:
		report.differsf(tableSpans, Missing, "%s/%d/%d: span %s of trace %s", w.where(), x.offset, x.index, x.span, x.trace)
	}
}

// unexpected counts a row that no span of the log is the reason for.
func (w *window) unexpected(s *schema.StoredSpan) {
	if s.Log != w.extent.id() {
		w.v.Report.EarlierLife++
		return
	}
	w.v.Report.differsf(tableSpans, Extra, "%s/%d/%d: span %s of trace %s: a resend, or not in the log", w.where(), s.Offset, s.Index, s.Span, s.Trace)
}
