package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Bounds of what is read of spans. A trace may have any number of them, and a
// page of traces is no reason to read every prompt of theirs.
const (
	maxSpanRows       = 100_000   // of one question; errTooMuch beyond it
	maxPreviewContent = 256 << 10 // bytes of a root's content that a preview is looked for in
)

// spanScope is which spans to read.
type spanScope struct {
	tenant string
	ids    []string
	// times, if set, are where the traces' rows in trace_info and trace_parts lie;
	// spans too far from them are not seen.
	times span
	// whole reads all of each span; false: what a trace's info depends on.
	whole bool
	// first is content with the first of more than maxSpanRows.
	first bool
}

// span is a range of Unix nanoseconds, both ends included. The zero value is
// all of time.
type span struct{ from, to uint64 }

// spans reads spans in order of arrival, by trace.
func (s *Store) spans(ctx context.Context, scope spanScope) (map[string][]query.Span, error) {
	found := make(map[string][]query.Span, len(scope.ids))
	if len(scope.ids) == 0 {
		return found, nil
	}
	q := &question{}
	q.add("SELECT ", strings.Join(spanExpressions(q, scope.whole), ", "), " FROM spans AS t ")
	tenant := q.text(scope.tenant)
	q.add(joinDeleted(tenant))
	q.add(" WHERE tenant = ", tenant, " AND trace_id IN ", q.texts(scope.ids), " AND ", notDeleted)
	scope.times.wider().condition(q)
	q.add(" ORDER BY trace_id, src_partition, src_offset, src_index LIMIT ", q.unsigned(maxSpanRows+1))
	n := 0
	err := s.read(ctx, "spans", q, func(r *rows) {
		one := readSpan(r)
		found[one.TraceID] = append(found[one.TraceID], one)
		n++
	})
	if err == nil && n > maxSpanRows && !scope.first {
		err = errTooMuch
	}
	return found, err
}

// wider is the range with slack: spans of a part begin behind it.
func (t span) wider() span {
	if t == (span{}) {
		return t
	}
	const slack = slackMilli * 1e6
	return span{t.from - slack, t.to + slack}
}

// condition bounds a statement on a table that is sorted by 5-minute steps of
// start.
func (t span) condition(q *question) {
	if t == (span{}) {
		return
	}
	from, to := q.unsigned(t.from), q.unsigned(t.to)
	q.add(" AND start_unix_nano BETWEEN ", from, " AND ", to,
		" AND intDiv(start_unix_nano, 300000000000) BETWEEN intDiv(", from, ", 300000000000) AND intDiv(", to, ", 300000000000)")
}

// spanExpressions are what readSpan reads, in its order.
func spanExpressions(q *question, whole bool) []string {
	all := []string{
		"trace_id", "span_id", "parent_span_id", "experiment_id", "name", "otel_kind", "status", "status_message",
		"start_unix_nano", "end_unix_nano", "trace_state", "span_flags", "toUnixTimestamp64Milli(received_at)", "resource_attrs",
	}
	maps := []string{"attr_str", "attr_int", "attr_double", "attr_bool", "attr_json", "attr_bytes"}
	content := []string{"input", "output"}
	if !whole {
		known := "(" + q.texts(query.KnownKeys()) + ")"
		for i, m := range maps {
			maps[i] = "mapFilter((k, v) -> has(" + known + ", k) OR startsWith(k, '" + query.TagPrefix + "'), " + m + ")"
		}
		bound := q.unsigned(maxPreviewContent)
		for i, c := range content {
			content[i] = "if(NOT is_root, '', if(length(" + c + ") <= " + bound + ", " + c + ", substringUTF8(" + c + ", 1, 2000)))"
		}
	}
	all = append(all, maps...)
	all = append(all, content[0], "input_key", "input_structured", content[1], "output_key", "output_structured")
	lists := []string{
		"events_time_unix_nano", "events_name", "events_attrs", "events_dropped_attrs",
		"links_trace_id", "links_span_id", "links_trace_state", "links_attrs", "links_dropped_attrs", "links_flags",
	}
	kinds := []string{
		"UInt64", "String", "String", "UInt32",
		"String", "String", "String", "String", "UInt32", "UInt32",
	}
	for i, l := range lists {
		if !whole {
			l = "emptyArray" + kinds[i] + "()"
		}
		all = append(all, l)
	}
	return append(all, "dropped_attrs", "dropped_events", "dropped_links",
		"isNotNull(cost_computed) AND ifNull(input_tokens, 0) + ifNull(output_tokens, 0) > 0", "ifNull(cost_computed, toDecimal64(0, 9))", "cost_input")
}

// readCost reads whether there is one, and all and its input's in 1e-9 dollars,
// which is what Decimal(18, 9) is.
func readCost(r *rows) query.Cost {
	known, all, input := r.boolean(), r.int64(), r.int64()
	return query.Cost{Input: input, Output: all - input, Known: known}
}

func readSpan(r *rows) query.Span {
	s := query.Span{
		TraceID: r.text(), SpanID: r.text(), ParentSpanID: r.text(), ExperimentID: r.text(), Name: r.text(), OtelKind: r.text(),
		StatusCode: int(r.uint8()), StatusMessage: r.text(),
		StartUnixNano: r.uint64(), EndUnixNano: r.uint64(), TraceState: r.text(), Flags: r.uint32(), ReceivedMilli: r.int64(),
		ResourceAttrs: query.ParseAttrs(r.text()),
	}
	s.Attrs = readAttrs(r)
	s.Attrs = appendContent(r, s.Attrs)
	s.Attrs = appendContent(r, s.Attrs)
	s.Events = readEvents(r)
	s.Links = readLinks(r)
	s.DroppedAttrs, s.DroppedEvents, s.DroppedLinks = r.uint32(), r.uint32(), r.uint32()
	s.Cost = readCost(r)
	return s
}

// readAttrs reads the six maps.
func readAttrs(r *rows) []query.Attr {
	var attrs []query.Attr
	add := func(value func() query.Value) {
		for range r.length() {
			if r.err != nil {
				return
			}
			attrs = append(attrs, query.Attr{Key: r.text(), Value: value()})
		}
	}
	add(func() query.Value { return query.Text(r.text()) })
	add(func() query.Value { return query.Value{Type: schema.ValueInt, Num: r.uint64()} })
	add(func() query.Value { return query.Value{Type: schema.ValueDouble, Num: r.uint64()} })
	add(func() query.Value { return query.Value{Type: schema.ValueBool, Num: uint64(r.uint8())} })
	add(func() query.Value { return query.ParseValue(r.text()) })
	add(func() query.Value { return query.Value{Type: schema.ValueBytes, Text: r.text()} })
	return attrs
}

// appendContent puts what became input or output back under its key.
func appendContent(r *rows, attrs []query.Attr) []query.Attr {
	text, key, structured := r.text(), r.text(), r.boolean()
	if key == "" {
		return attrs // it is among the maps, or there is none
	}
	v := query.Text(text)
	if structured && json.Valid([]byte(text)) { // it may be cut
		v = query.ParseValue(text)
	}
	return append(attrs, query.Attr{Key: key, Value: v})
}

func readEvents(r *rows) []query.Event {
	times, names := list(r, r.uint64), list(r, r.text)
	attrs, dropped := list(r, r.text), list(r, r.uint32)
	if r.err != nil {
		return nil
	}
	var events []query.Event
	for i := range times {
		events = append(events, query.Event{
			TimeUnixNano: times[i], Name: names[i], Attrs: query.ParseAttrs(attrs[i]), DroppedAttrs: dropped[i],
		})
	}
	return events
}

func readLinks(r *rows) []query.Link {
	traces, spans, states := list(r, r.text), list(r, r.text), list(r, r.text)
	attrs, dropped, flags := list(r, r.text), list(r, r.uint32), list(r, r.uint32)
	if r.err != nil {
		return nil
	}
	var links []query.Link
	for i := range traces {
		links = append(links, query.Link{
			TraceID: traces[i], SpanID: spans[i], TraceState: states[i],
			Attrs: query.ParseAttrs(attrs[i]), DroppedAttrs: dropped[i], Flags: flags[i],
		})
	}
	return links
}

// inReadingOrder sorts a trace's spans as MLflow gives them: roots first, then
// by start.
func inReadingOrder(spans []query.Span) {
	slices.SortStableFunc(spans, func(a, b query.Span) int {
		rootA, rootB := a.ParentSpanID == "", b.ParentSpanID == ""
		switch {
		case rootA != rootB && rootA:
			return -1
		case rootA != rootB:
			return 1
		case a.StartUnixNano < b.StartUnixNano:
			return -1
		case a.StartUnixNano > b.StartUnixNano:
			return 1
		}
		return 0
	})
}
