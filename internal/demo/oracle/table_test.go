package oracle

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

var base = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is a faithful store of spans, in memory: it answers the queries of a
// check with what a correct product would hold, after change had its way.
type table struct {
	gen    *demo.Generator
	tenant string
	names  []string // of the columns, in the order of the select list
	spans  []place
	// change may alter row n before it is answered.
	change func(n int, s *demo.Span)
	// rewrite may alter the bytes of row n's cells, by column.
	rewrite func(n int, column string, cell []byte) []byte
	// origins is what to answer of different origins; 0: all are different.
	origins uint64
	// parts may alter the sums of a trace.
	parts func(i uint64, t *sums)
}

func newTable(gen *demo.Generator) *table {
	b := &table{gen: gen, tenant: gen.Options().Tenant}
	for _, c := range spanColumns() {
		b.names = append(b.names, c.name)
	}
	return b
}

type place struct {
	trace uint64
	span  uint32
}

func (b *table) Query(_ context.Context, sql string) (io.ReadCloser, error) {
	switch {
	case strings.HasPrefix(sql, "SELECT toUInt64(count())"):
		return io.NopCloser(bytes.NewReader(b.countRow())), nil
	case strings.Contains(sql, "SELECT toUInt64(sum(n)), toUInt64(count())"):
		n := uint64(len(b.spans))
		if b.origins != 0 {
			return io.NopCloser(bytes.NewReader(words(n, b.origins))), nil
		}
		return io.NopCloser(bytes.NewReader(words(n, n))), nil
	case strings.Contains(sql, "GROUP BY trace_id"):
		return io.NopCloser(bytes.NewReader(b.traceRows())), nil
	default:
		r, w := io.Pipe()
		go func() { w.CloseWithError(b.writeRows(w)) }() // ends when the reader closes
		return r, nil
	}
}

func words(all ...uint64) (out []byte) {
	for _, n := range all {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return out
}

func (b *table) writeRows(w io.Writer) error {
	m := b.gen.NewMaker()
	var row []byte
	for n, p := range b.spans {
		s := m.Span(p.trace, p.span)
		if b.change != nil {
			b.change(n, s)
		}
		if row = b.appendRow(row[:0], n, s); len(row) == 0 {
			continue
		}
		if _, err := w.Write(row); err != nil {
			return err
		}
	}
	return nil
}

func (b *table) appendRow(row []byte, n int, s *demo.Span) []byte {
	row = cellText(row, fmt.Sprintf("%x", s.TraceID))
	row = cellText(row, fmt.Sprintf("%x", s.SpanID))
	cells := b.cells(s)
	for _, name := range b.names {
		cell := cells[name]
		if b.rewrite != nil {
			cell = b.rewrite(n, name, cell)
		}
		row = append(row, cell...)
	}
	return row
}

func cellText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// cells renders what a correct table answers, by column. It is written from
// the description of the table, not from the columns that are tested.
func (b *table) cells(s *demo.Span) map[string][]byte {
	cells := make(map[string][]byte, 80)
	for name, text := range b.texts(s) {
		cells[name] = cellText(nil, text)
	}
	for name, n := range numbersOf(s) {
		cells[name] = words(uint64(n))
	}
	for _, name := range b.names {
		switch {
		case strings.HasPrefix(name, "attr_"):
			cells[name] = cellMap(name, s)
		case strings.HasPrefix(name, "events_"), strings.HasPrefix(name, "links_"):
			cells[name] = cellList(name, s)
		}
	}
	return cells
}

func (b *table) texts(s *demo.Span) map[string]string {
	w := &s.Want
	parent := fmt.Sprintf("%x", s.ParentID)
	if s.Index == 0 {
		parent = ""
	}
	return map[string]string{
		"tenant": b.tenant, "name": s.Name, "status_message": s.StatusMessage, "trace_state": s.TraceState,
		"parent_span_id": parent,
		"experiment_id":  w.Experiment, "service_name": s.Resource.Service, "kind": w.Kind, "semconv_family": w.Family,
		"operation": w.Operation, "provider": w.Provider, "request_model": w.RequestModel, "response_model": w.ResponseModel,
		"model": w.Model(), "session_id": w.SessionID, "user_id": w.UserID, "agent_name": w.Agent, "tool_name": w.Tool,
		"error_type": w.ErrorType, "input": contentText(&w.Input), "input_key": w.Input.Key, "output": contentText(&w.Output),
		"output_key": w.Output.Key, "environment": s.Resource.Environment(),
		"resource_schema_url": s.Resource.SchemaURL, "scope_schema_url": s.Scope.SchemaURL,
		"scope_name": s.Scope.Name, "scope_version": s.Scope.Version,
		"resource_attrs": toJSON(demo.KV(s.Resource.Attrs...)), "scope_attrs": toJSON(demo.KV(s.Scope.Attrs...)),
		"status":    []string{"UNSET", "OK", "ERROR"}[s.Status],
		"otel_kind": []string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT"}[s.Kind],
	}
}

func numbersOf(s *demo.Span) map[string]int64 {
	w := &s.Want
	numbers := map[string]int64{
		"span_flags": int64(s.Flags), "mended": 0, "time_flags": 0,
		"start_unix_nano": int64(s.Start), "end_unix_nano": int64(s.End),
		"start_time": int64(s.Start), "end_time": int64(s.End), "duration_ns": int64(s.End - s.Start),
		"input_tokens": w.InputTokens, "output_tokens": w.OutputTokens, "total_tokens": w.TotalTokens,
		"cache_read_tokens": w.CacheReadTokens, "cache_write_tokens": -1, "reasoning_tokens": w.ReasoningTokens,
		"dropped_attrs": int64(s.DroppedAttrs), "dropped_events": int64(s.DroppedEvents), "dropped_links": int64(s.DroppedLinks),
		"resource_dropped_attrs": int64(s.Resource.Dropped), "scope_dropped_attrs": int64(s.Scope.Dropped),
		"is_root": 0, "usage_billable": 0, "input_structured": 0, "output_structured": 0,
	}
	if s.Index == 0 {
		numbers["is_root"] = 1
	}
	if w.Billable {
		numbers["usage_billable"] = 1
	}
	if w.Input.Key != "" && w.Input.Value != nil {
		numbers["input_structured"] = 1
	}
	if w.Output.Key != "" && w.Output.Value != nil {
		numbers["output_structured"] = 1
	}
	return numbers
}

func contentText(c *demo.Content) string {
	if c.Value != nil {
		return toJSON(*c.Value)
	}
	return c.Text
}

func cellMap(name string, s *demo.Span) []byte {
	var cells []byte
	n := 0
	for _, a := range s.Attrs {
		v := a.Value
		if a.Key == s.Want.Input.Key || a.Key == s.Want.Output.Key || mapOf(v.Type) != name {
			continue
		}
		n++
		cells = cellText(cells, a.Key)
		switch name {
		case "attr_str", "attr_bytes":
			cells = cellText(cells, v.Text)
		case "attr_bool":
			cells = append(cells, byte(v.Num))
		case "attr_json":
			cells = cellText(cells, toJSON(v))
		default:
			cells = append(cells, words(v.Num)...)
		}
	}
	return append(binary.AppendUvarint(nil, uint64(n)), cells...)
}

func mapOf(t demo.Type) string {
	switch t {
	case demo.String:
		return "attr_str"
	case demo.Bool:
		return "attr_bool"
	case demo.Int:
		return "attr_int"
	case demo.Double:
		return "attr_double"
	case demo.Bytes:
		return "attr_bytes"
	default:
		return "attr_json"
	}
}

func cellList(name string, s *demo.Span) (cell []byte) {
	var values [][]byte
	add := func(v []byte) { values = append(values, v) }
	for _, e := range s.Events {
		switch name {
		case "events_time_unix_nano":
			add(words(e.Time))
		case "events_name":
			add(cellText(nil, e.Name))
		case "events_attrs":
			add(cellText(nil, toJSON(demo.KV(e.Attrs...))))
		case "events_dropped_attrs":
			add(words(uint64(e.Dropped)))
		}
	}
	for _, l := range s.Links {
		switch name {
		case "links_trace_id":
			add(cellText(nil, fmt.Sprintf("%x", l.TraceID)))
		case "links_span_id":
			add(cellText(nil, fmt.Sprintf("%x", l.SpanID)))
		case "links_trace_state":
			add(cellText(nil, l.TraceState))
		case "links_attrs":
			add(cellText(nil, toJSON(demo.KV(l.Attrs...))))
		case "links_dropped_attrs":
			add(words(uint64(l.Dropped)))
		case "links_flags":
			add(words(uint64(l.Flags)))
		}
	}
	cell = binary.AppendUvarint(nil, uint64(len(values)))
	for _, v := range values {
		cell = append(cell, v...)
	}
	return cell
}

// toJSON renders a value as the table does.
func toJSON(v demo.Value) string {
	switch v.Type {
	case demo.String:
		text, err := json.Marshal(v.Text)
		if err != nil {
			panic(err)
		}
		return string(text)
	case demo.Bool:
		return strconv.FormatBool(v.Num != 0)
	case demo.Int:
		return strconv.FormatInt(int64(v.Num), 10)
	case demo.Double:
		return doubleJSON(v.Double())
	case demo.Bytes:
		return `"` + base64.StdEncoding.EncodeToString([]byte(v.Text)) + `"`
	case demo.Array:
		var parts []string
		for _, item := range v.Items {
			parts = append(parts, toJSON(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case demo.Map:
		var parts []string
		for _, a := range v.Pairs {
			parts = append(parts, strconv.Quote(a.Key)+": "+toJSON(a.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case demo.Empty:
	}
	return "null"
}

func doubleJSON(f float64) string {
	switch {
	case math.IsNaN(f):
		return `"NaN"`
	case math.IsInf(f, 0):
		return map[bool]string{true: `"Infinity"`, false: `"-Infinity"`}[f > 0]
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// traceRows sums what was put into the table, whatever change does to rows.
func (b *table) traceRows() (out []byte) {
	m := b.gen.NewMaker()
	all := make(map[uint64]*sums)
	var order []uint64
	for _, p := range b.spans {
		t := all[p.trace]
		s := m.Span(p.trace, p.span)
		if t == nil {
			t = &sums{Start: int64(s.Start)}
			all[p.trace] = t
			order = append(order, p.trace)
		}
		t.Spans++
		t.Start, t.End = min(t.Start, int64(s.Start)), max(t.End, int64(s.End))
		if s.Status == 2 {
			t.Errors++
		}
		if s.Want.Kind == "LLM" {
			t.LLMCalls++
		}
		if s.Want.Billable && s.Want.InputTokens > 0 {
			t.InputTokens += s.Want.InputTokens
			t.OutputTokens += max(0, s.Want.OutputTokens)
		}
		if p.span == 0 {
			t.Roots, t.RootName = 1, strings.Clone(s.Name)
		}
	}
	for _, i := range order {
		t := all[i]
		if b.parts != nil {
			b.parts(i, t)
		}
		out = cellText(out, fmt.Sprintf("%x", b.gen.TraceID(i)))
		for _, n := range []int64{t.Spans, t.Errors, t.LLMCalls, t.InputTokens, t.OutputTokens, t.Start, t.End, t.Roots} {
			out = append(out, words(uint64(n))...)
		}
		out = cellText(out, t.RootName)
	}
	return out
}

func (b *table) countRow() []byte {
	n := uint64(len(b.spans))
	return words(n, n)
}

// setup gives a ledger of pieces of 100 spans, and a table with what the
// outcomes say; what is in doubt landed in every second piece.
func setup(t testing.TB, outcomes ...ledger.Outcome) (*ledger.Ledger, *table) {
	t.Helper()
	o := demo.DefaultOptions(11, base)
	o.Tenant = "acme's"
	gen, err := demo.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	l, b := ledger.New(o), newTable(gen)
	c := gen.NewCursor(demo.Position{}, uint64(100*len(outcomes)))
	for n, outcome := range outcomes {
		p, _ := c.Next(100)
		e := ledger.Entry{Piece: p, Outcome: outcome}
		left := p.Spans
		switch {
		case outcome == ledger.Refused, outcome == ledger.Doubt && n%2 == 0:
			left = 0
		case outcome == ledger.Partial:
			e.Rejected, left = 10, left-10
		}
		p.Each(gen, func(i uint64, from, to uint32) {
			for s := from; s < to && left > 0; s++ {
				b.spans = append(b.spans, place{i, s})
				left--
			}
		})
		if err := l.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	return l, b
}
