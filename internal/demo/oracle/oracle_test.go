package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
)

func check(t *testing.T, l *ledger.Ledger, rows Rows) *Report {
	t.Helper()
	r, err := Check(t.Context(), l, rows, "spanmill")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFaithfulTableIsFoundEqual(t *testing.T) {
	t.Parallel()
	const a, d, r, p = ledger.Acked, ledger.Doubt, ledger.Refused, ledger.Partial
	l, b := setup(t, a, a, d, d, r, a, p, a, d, d, r, a, a, a, a, a, a, a, a, a)
	// The engine streams rows in any order.
	slices.SortFunc(b.spans, func(x, y place) int {
		return strings.Compare(fmt.Sprint(x.span, x.trace), fmt.Sprint(y.span, y.trace))
	})
	report := check(t, l, b)
	if !report.OK() || report.Acked != 1390 || report.DoubtLanded != 200 || report.Refused != 210 || report.Rows != 1590 {
		t.Errorf("report: %v", report)
	}
	counts, err := Count(t.Context(), l, b, "spanmill")
	if err != nil || !counts.OK() {
		t.Errorf("counts: %v, %v", counts, err)
	}
}

// target is a row that the planted differences change: an LLM call in today's
// names, with events, an int and a double.
func target(t *testing.T, b *table, is func(*demo.Span) bool) int {
	t.Helper()
	m := b.gen.NewMaker()
	for n, p := range b.spans {
		if is(m.Span(p.trace, p.span)) {
			return n
		}
	}
	t.Fatal("no span of that sort")
	return 0
}

func isChat(s *demo.Span) bool {
	return s.Want.Kind == "LLM" && s.Want.Family == "otel_genai" && len(s.Events) > 0 && s.Status == 0 && s.Want.Input.Value == nil
}

func TestPlantedRowsAreFound(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		plant func(b *table)
		is    func(r *Report) bool
		says  string
	}{
		{
			"missing row", func(b *table) { b.spans = slices.Delete(b.spans, 150, 151) },
			func(r *Report) bool { return r.Missing == 1 && r.Doubled+r.Wrong+r.Unexpected+r.Strange == 0 }, "acked, not in the table",
		},
		{
			"doubled row", func(b *table) { b.spans = append(b.spans, b.spans[17]) },
			func(r *Report) bool { return r.Doubled == 1 && r.Missing+r.Wrong+r.Unexpected+r.Strange == 0 }, "more than once",
		},
		{
			"row of a refused piece", func(b *table) { b.addPiece(2) },
			func(r *Report) bool { return r.Unexpected == 100 && r.Missing+r.Doubled == 0 }, "refused, but in the table",
		},
		{
			"row that was never sent", func(b *table) { b.spans = append(b.spans, place{1 << 30, 0}) },
			func(r *Report) bool { return r.Strange == 1 && r.Missing == 0 }, "nothing like it was sent",
		},
		{"span id of another span", func(b *table) {
			b.change = func(n int, s *demo.Span) {
				if n == 5 {
					s.SpanID[3] ^= 1
				}
			}
		}, func(r *Report) bool { return r.Strange == 1 && r.Missing == 1 }, "nothing like it was sent"},
		{
			"same origin twice", func(b *table) { b.origins = uint64(len(b.spans)) - 1 },
			func(r *Report) bool { return r.SameOrigin == 1 }, "different (src_log",
		},
		{
			"trace part missing", func(b *table) { b.parts = func(_ uint64, s *sums) { s.Spans-- } },
			func(r *Report) bool { return r.WrongTraces > 10 }, "trace_parts: trace 0",
		},
		{
			"wrong sum of tokens", func(b *table) { b.parts = func(_ uint64, s *sums) { s.InputTokens++ } },
			func(r *Report) bool { return r.WrongTraces > 10 }, "InputTokens",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, b := setup(t, ledger.Acked, ledger.Acked, ledger.Refused, ledger.Acked)
			c.plant(b)
			r := check(t, l, b)
			if r.OK() || !c.is(r) || len(r.Differences) == 0 || len(r.Differences) > maxDifferences || !strings.Contains(r.String(), c.says) {
				t.Errorf("report: %v", r)
			}
		})
	}
}

// addPiece adds all rows of the n-th piece of 100 spans.
func (b *table) addPiece(n int) {
	c := b.gen.NewCursor(demo.Position{}, 1<<20)
	for range n {
		c.Next(100)
	}
	p, _ := c.Next(100)
	p.Each(b.gen, func(i uint64, from, to uint32) {
		for s := from; s < to; s++ {
			b.spans = append(b.spans, place{i, s})
		}
	})
}

func TestPlantedCellsAreFound(t *testing.T) {
	t.Parallel()
	attr := func(s *demo.Span, typ demo.Type) *demo.Attr {
		for i := range s.Attrs {
			if s.Attrs[i].Value.Type == typ && s.Attrs[i].Key != s.Want.Input.Key && s.Attrs[i].Key != s.Want.Output.Key {
				return &s.Attrs[i]
			}
		}
		return &demo.Attr{}
	}
	cases := []struct {
		column string
		change func(s *demo.Span)
	}{
		{"provider", func(s *demo.Span) { s.Want.Provider, s.Want.Operation = s.Want.Operation, s.Want.Provider }}, // swapped
		{"start_unix_nano", func(s *demo.Span) { s.Start, s.End = s.End, s.Start }},                                // swapped
		{"input_tokens", func(s *demo.Span) { s.Want.InputTokens++ }},
		{"output_tokens", func(s *demo.Span) { s.Want.OutputTokens = -1 }},
		{"reasoning_tokens", func(s *demo.Span) { s.Want.ReasoningTokens += 2 }},
		{"attr_int", func(s *demo.Span) { a := attr(s, demo.Int); a.Value = demo.D(float64(a.Value.Num)) }},
		{"attr_double", func(s *demo.Span) { a := attr(s, demo.Double); a.Value = demo.S("0.7") }},
		{"attr_str", func(s *demo.Span) { attr(s, demo.String).Key += "x" }},
		{"attr_str", func(s *demo.Span) { s.Want.Input.Key = "" }}, // content twice
		{"input_structured", func(s *demo.Span) { v := demo.List(demo.S(s.Want.Input.Text)); s.Want.Input.Value = &v }},
		{"input_key", func(s *demo.Span) { s.Want.Input.Key = "gen_ai.prompt" }},
		{"attr_json", func(s *demo.Span) {
			a := attr(s, demo.Array)
			a.Value = demo.List(append(slices.Clone(a.Value.Items), demo.B(false))...)
		}},
		{"input", func(s *demo.Span) { s.Want.Input.Text += " " }},
		{"output", func(s *demo.Span) { s.Want.Output.Text = s.Want.Input.Text }},
		{"kind", func(s *demo.Span) { s.Want.Kind = "CHAIN" }},
		{"model", func(s *demo.Span) { s.Want.ResponseModel = "" }},
		{"session_id", func(s *demo.Span) { s.Want.SessionID += "1" }},
		{"parent_span_id", func(s *demo.Span) { s.ParentID = s.SpanID }},
		{"status", func(s *demo.Span) { s.Status = 1 }},
		{"events_time_unix_nano", func(s *demo.Span) { s.Events[0].Time++ }},
		{"events_attrs", func(s *demo.Span) { s.Events[0].Attrs = nil }},
		{"length of events_name", func(s *demo.Span) { s.Events = nil }},
		{"length of links_span_id", func(s *demo.Span) { s.Links = append(s.Links, demo.Link{}) }},
		{"resource_attrs", func(s *demo.Span) {
			r := *s.Resource
			r.Attrs = slices.Concat(r.Attrs[:5], []demo.Attr{{Key: "host.cpus", Value: demo.D(4)}}, r.Attrs[6:])
			s.Resource = &r
		}},
		{"scope_version", func(s *demo.Span) { c := *s.Scope; c.Version = ""; s.Scope = &c }},
		{"dropped_attrs", func(s *demo.Span) { s.DroppedAttrs += 3 }},
		{"usage_billable", func(s *demo.Span) { s.Want.Billable = false }},
	}
	for i, c := range cases {
		t.Run(fmt.Sprint(i, " ", c.column), func(t *testing.T) {
			t.Parallel()
			l, b := setup(t, ledger.Acked, ledger.Acked, ledger.Acked)
			row := target(t, b, isChat)
			b.change = func(n int, s *demo.Span) {
				if n == row {
					c.change(s)
				}
			}
			r := check(t, l, b)
			if r.Wrong != 1 || !strings.Contains(r.String(), ": "+c.column) {
				t.Errorf("report: %v", r)
			}
		})
	}
}

// TestEveryColumnIsCompared gives each row, one column at a time, the cell of
// another span.
func TestEveryColumnIsCompared(t *testing.T) {
	t.Parallel()
	l, faithful := setup(t, ledger.Acked, ledger.Acked, ledger.Acked, ledger.Acked)
	rows := make([]map[string][]byte, len(faithful.spans))
	m := faithful.gen.NewMaker()
	for n, p := range faithful.spans {
		rows[n] = faithful.cells(m.Span(p.trace, p.span))
	}
	for _, name := range faithful.names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newTable(faithful.gen)
			b.spans = faithful.spans
			b.rewrite = func(n int, column string, cell []byte) []byte {
				switch {
				case column != name:
					return cell
				case slices.Contains([]string{"mended", "time_flags", "cache_write_tokens"}, name):
					return words(1) // all spans have the same
				case name == "tenant":
					return cellText(nil, "another")
				default:
					return rows[(n+1)%len(rows)][name]
				}
			}
			if r := check(t, l, b); r.Wrong == 0 || r.Missing+r.Strange > 0 {
				t.Errorf("no difference found: %v", r)
			}
		})
	}
}

func TestBrokenStreamsAreErrorsNotDifferences(t *testing.T) {
	t.Parallel()
	l, b := setup(t, ledger.Acked)
	var all strings.Builder
	if err := b.writeRows(&all); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]io.Reader{
		"cut in a row":     strings.NewReader(all.String()[:all.Len()-5]),
		"connection broke": io.MultiReader(strings.NewReader(all.String()[:3000]), iotest.ErrReader(errors.New("connection reset"))),
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := io.Copy(w, body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
		}))
		_, err := Check(t.Context(), l, &ClickHouse{URL: server.URL}, "spanmill")
		server.CloseClientConnections()
		server.Close()
		if err == nil || !strings.Contains(err.Error(), "read spans") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Code: 60. DB::Exception: Unknown table", http.StatusNotFound)
	}))
	defer refusing.Close()
	if _, err := Count(t.Context(), l, &ClickHouse{URL: refusing.URL}, "spanmill"); err == nil || !strings.Contains(err.Error(), "Unknown table") {
		t.Errorf("error %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestJSONIsComparedByMeaningAndType(t *testing.T) {
	t.Parallel()
	v := demo.KV(
		demo.Attr{Key: "i", Value: demo.I(1)}, demo.Attr{Key: "d", Value: demo.D(1)}, demo.Attr{Key: "s", Value: demo.S("a\n\"é\u2028")},
		demo.Attr{Key: "l", Value: demo.List(demo.B(true), demo.Value{}, demo.Blob("\x00\xff"))}, demo.Attr{Key: "m", Value: demo.KV()})
	for text, same := range map[string]bool{
		`{"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{}}`:                                         true,
		"{ \"d\" : 1e0, \"i\": 1, \"m\":{ } ,\"l\":[ true, null , \"AP8=\" ],\"s\":\"a\\u000a\\\"\\u00e9\u2028\"}": true,
		`{"i":1.0,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{}}`:                                       false,
		`{"i":1,"d":1,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{}}`:                                           false,
		`{"i":"1","d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{}}`:                                       false,
		`{"i":1,"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="]}`:                                          false,
		`{"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8=",1],"m":{}}`:                                       false,
		`{"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="]}`:                                                false,
		`{"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{}} x`:                                       false,
		`{"i":1,"d":1.0,"s":"a\n\"é\u2028","l":[true,null,"AP8="],"m":{},"x":0}`:                                   false,
		`{"i":1,"d":1.0,"s":"a`: false,
		``:                      false,
	} {
		if matchesJSON([]byte(text), &v) != same {
			t.Errorf("%s: want same = %v", text, same)
		}
	}
}

// BenchmarkCheck judges rows that are already in memory: what the oracle costs
// beside the engine's own streaming.
func BenchmarkCheck(b *testing.B) {
	outcomes := make([]ledger.Outcome, 200)
	for i := range outcomes {
		outcomes[i] = ledger.Acked
	}
	l, rows := setup(b, outcomes...)
	var stream bytes.Buffer
	if err := rows.writeRows(&stream); err != nil {
		b.Fatal(err)
	}
	recorded := recording{rows, stream.Bytes()}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r, err := Check(b.Context(), l, recorded, "spanmill")
		if err != nil || !r.OK() {
			b.Fatal(r, err)
		}
		n += len(rows.spans)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/row")
	b.ReportMetric(float64(stream.Len())/float64(len(rows.spans)), "bytes/row")
}

// recording answers the query for rows with a stream made before.
type recording struct {
	*table
	stream []byte
}

func (r recording) Query(ctx context.Context, sql string) (io.ReadCloser, error) {
	if strings.HasPrefix(sql, "SELECT trace_id, span_id,") {
		return io.NopCloser(bytes.NewReader(r.stream)), nil
	}
	return r.table.Query(ctx, sql)
}
