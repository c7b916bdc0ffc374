package oracle

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

// Rows answers SQL with rows in the RowBinary format.
type Rows interface {
	Query(ctx context.Context, sql string) (io.ReadCloser, error)
}

// maxDifferences is how many differences a report spells out.
const maxDifferences = 20

// Report is what a check found. Counts are of spans, unless noted.
type Report struct {
	Acked, Doubt, Refused uint64 // in the ledger
	Rows                  uint64 // of the tenant
	DoubtLanded           uint64

	Missing     uint64 // acked, not in the table
	Doubled     uint64 // rows beyond the first of a span
	Wrong       uint64 // rows that say something else than was sent
	Unexpected  uint64 // rows of spans that were refused or never sent
	Strange     uint64 // rows of no span of this generator
	SameOrigin  uint64 // rows that share their src_* with another
	WrongTraces uint64 // traces whose sums in trace_parts are not their spans'

	// Differences are the first ones, in words.
	Differences []string
}

// OK reports whether the table is what the ledger says.
func (r *Report) OK() bool {
	return r.Missing+r.Doubled+r.Wrong+r.Unexpected+r.Strange+r.SameOrigin+r.WrongTraces == 0 && len(r.Differences) == 0
}

func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "ledger: %d spans acked, %d in doubt (%d landed), %d refused; table: %d rows\n",
		r.Acked, r.Doubt, r.DoubtLanded, r.Refused, r.Rows)
	if r.OK() {
		b.WriteString("table = ledger\n")
		return b.String()
	}
	fmt.Fprintf(&b, "NOT EQUAL: %d missing, %d doubled, %d wrong, %d unexpected, %d strange, %d of the same origin, %d traces with wrong sums\n",
		r.Missing, r.Doubled, r.Wrong, r.Unexpected, r.Strange, r.SameOrigin, r.WrongTraces)
	for _, d := range r.Differences {
		b.WriteString("  " + d + "\n")
	}
	return b.String()
}

func (r *Report) sayf(format string, args ...any) {
	if len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// judge is a check under way.
type judge struct {
	report  *Report
	gen     *demo.Generator
	maker   *demo.Maker
	tally   *tally
	columns []column
	tenant  string

	span   *demo.Span // of the row being read; nil: of no span
	wrong  bool       // the row
	shared map[sharedKey][]byte
}

// sharedKey names the attributes of one resource or scope.
type sharedKey struct {
	column string
	attrs  *demo.Attr // the first
}

// Check compares table spans of a database with a ledger, row by row, and the
// sums in table trace_parts with the rows. An error says that it could not; the
// report says what differs.
func Check(ctx context.Context, l *ledger.Ledger, rows Rows, database string) (*Report, error) {
	gen, err := demo.NewGenerator(l.Options())
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	entries := l.Entries()
	j := &judge{
		report: new(Report), gen: gen, maker: gen.NewMaker(), tally: newTally(gen, entries),
		columns: spanColumns(), tenant: l.Options().Tenant, shared: make(map[sharedKey][]byte),
	}
	q := queries{database: database, tenant: j.tenant, columns: j.columns}
	if err := j.read(ctx, rows, q.spans(), j.row); err != nil {
		return nil, fmt.Errorf("check: read spans: %w", err)
	}
	j.settle(entries)
	if err := j.read(ctx, rows, q.origins(), j.origins); err != nil {
		return nil, fmt.Errorf("check: count origins: %w", err)
	}
	if err := j.read(ctx, rows, q.traces(), j.traceRow); err != nil {
		return nil, fmt.Errorf("check: read trace_parts: %w", err)
	}
	j.settleTraces()
	return j.report, nil
}

// read calls row for each row that sql gives.
func (j *judge) read(ctx context.Context, rows Rows, sql string, row func(*rowReader)) error {
	body, err := rows.Query(ctx, sql)
	if err != nil {
		return err
	}
	r := newRowReader(body)
	for r.more() {
		row(r)
	}
	return errors.Join(r.failure(), body.Close())
}

// row judges a row of spans.
func (j *judge) row(r *rowReader) {
	var trace, span [32]byte
	traceID, spanID := trace[:copy(trace[:], r.text())], span[:copy(span[:], r.text())]
	j.report.Rows++
	j.wrong = false
	j.span = j.locate(traceID, spanID)
	switch {
	case j.span == nil:
		j.report.Strange++
		j.report.sayf("row of trace %s span %s: nothing like it was sent", traceID, spanID)
	case j.tally.mark(j.span.Trace, j.span.Index):
		j.report.Doubled++
		j.report.sayf("%s: in the table more than once", j.label())
	}
	for i := range j.columns {
		c := &j.columns[i]
		c.check(c, r, j)
	}
	if j.wrong {
		j.report.Wrong++
	}
}

// locate gives the span that the ids name, nil when the ledger knows none.
func (j *judge) locate(traceHex, spanHex []byte) *demo.Span {
	var traceID [16]byte
	var spanID [8]byte
	if len(traceHex) != 32 || len(spanHex) != 16 {
		return nil
	}
	if _, err := hex.Decode(traceID[:], traceHex); err != nil {
		return nil
	}
	if _, err := hex.Decode(spanID[:], spanHex); err != nil {
		return nil
	}
	i, ok := j.gen.TraceNumber(traceID)
	if !ok || !j.tally.covers(i) {
		return nil
	}
	s, ok := j.gen.SpanIndex(i, spanID)
	if !ok || hex.EncodeToString(traceID[:]) != string(traceHex) || hex.EncodeToString(spanID[:]) != string(spanHex) {
		return nil // upper case is another text
	}
	return j.maker.Span(i, s)
}

func (j *judge) label() string {
	s := j.span
	return fmt.Sprintf("span %d.%d (trace %x span %x)", s.Trace, s.Index, s.TraceID, s.SpanID)
}

func (j *judge) differ(column, want, got string) {
	j.wrong = true
	j.report.sayf("%s: %s is %s, want %s", j.label(), column, got, want)
}

// isContent tells whether an attribute is in the input or output column and
// nowhere else.
func (j *judge) isContent(key string) bool {
	w := &j.span.Want
	return key == w.Input.Key || key == w.Output.Key
}

// settle compares what was found with what the ledger says of each piece.
func (j *judge) settle(entries []ledger.Entry) {
	at := j.tally.from
	for i := range entries {
		e := &entries[i]
		j.absent(demo.Piece{From: at, To: e.From}, "never sent")
		at = e.To
		found := j.found(e.Piece)
		switch e.Outcome {
		case ledger.Acked:
			j.report.Acked += uint64(e.Spans)
			j.present(e.Piece)
		case ledger.Doubt:
			j.report.Doubt += uint64(e.Spans)
			j.report.DoubtLanded += found
		case ledger.Refused:
			j.report.Refused += uint64(e.Spans)
			j.absent(e.Piece, "refused")
		case ledger.Partial:
			j.report.Refused += uint64(e.Rejected)
			j.report.Acked += uint64(e.Spans - e.Rejected)
			if want := uint64(e.Spans - e.Rejected); found < want {
				j.report.Missing += want - found
				j.report.sayf("piece %v to %v: %d spans in the table, want %d", e.From, e.To, found, want)
			} else {
				j.report.Unexpected += found - want
			}
		}
	}
	j.absent(demo.Piece{From: at, To: j.tally.to}, "never sent")
}

func (j *judge) found(p demo.Piece) (n uint64) {
	p.Each(j.gen, func(i uint64, from, to uint32) { n += j.tally.count(i, from, to) })
	return n
}

func (j *judge) present(p demo.Piece) {
	p.Each(j.gen, func(i uint64, from, to uint32) {
		if j.tally.count(i, from, to) == uint64(to-from) {
			return
		}
		for s := from; s < to; s++ {
			if j.tally.count(i, s, s+1) == 0 {
				j.report.Missing++
				j.report.sayf("span %d.%d (trace %x): acked, not in the table", i, s, j.gen.TraceID(i))
			}
		}
	})
}

func (j *judge) absent(p demo.Piece, why string) {
	p.Each(j.gen, func(i uint64, from, to uint32) {
		for s := from; s < to && j.tally.count(i, s, to) > 0; s++ {
			if j.tally.count(i, s, s+1) > 0 {
				j.report.Unexpected++
				j.report.sayf("span %d.%d (trace %x): %s, but in the table", i, s, j.gen.TraceID(i), why)
			}
		}
	})
}

// origins judges the count of rows and of their different origins.
func (j *judge) origins(r *rowReader) {
	rows, origins := r.u64(), r.u64()
	if rows != j.report.Rows {
		j.report.sayf("the table counts %d rows and streams %d", rows, j.report.Rows)
	}
	if rows != origins {
		j.report.SameOrigin = rows - origins
		j.report.sayf("%d rows have only %d different (src_log, src_partition, src_offset, src_index)", rows, origins)
	}
}
