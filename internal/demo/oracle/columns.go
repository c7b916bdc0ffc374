package oracle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/internal/demo"
)

// column is a column of table spans: how to ask for it, and what it must be.
type column struct {
	name string
	sql  string // "": the name itself
	// check reads the column of one row and compares it with j.span; with no
	// span it only reads.
	check func(c *column, r *rowReader, j *judge)
}

// spanColumns is all that is compared, in the order of the select list. The ids
// come first: they say whose row it is. Not compared, because the generator
// cannot know it: cost (the price book's), received_at, part_day,
// retention_days and src_* (the log's; checked to be unique).
func spanColumns() []column {
	return slices.Concat(nameColumns(), timeColumns(), meaningColumns(), contentColumns(), originColumns(), listColumns())
}

func nameColumns() []column {
	return []column{
		text("tenant", "", func(s *demo.Span, j *judge) string { return j.tenant }),
		text("parent_span_id", "", func(s *demo.Span, _ *judge) string {
			if s.ParentID == [8]byte{} {
				return ""
			}
			return hex.EncodeToString(s.ParentID[:])
		}),
		flag("is_root", func(s *demo.Span) bool { return s.ParentID == [8]byte{} }),
		text("name", "", func(s *demo.Span, _ *judge) string { return s.Name }),
		text("otel_kind", "", func(s *demo.Span, _ *judge) string {
			return [...]string{"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}[s.Kind]
		}),
		text("status", "toString(status)", func(s *demo.Span, _ *judge) string {
			return [...]string{"UNSET", "OK", "ERROR"}[s.Status]
		}),
		text("status_message", "", func(s *demo.Span, _ *judge) string { return s.StatusMessage }),
		text("trace_state", "", func(s *demo.Span, _ *judge) string { return s.TraceState }),
		number("span_flags", "", func(s *demo.Span) int64 { return int64(s.Flags) }),
		number("mended", "", func(*demo.Span) int64 { return 0 }),
	}
}

func timeColumns() []column {
	return []column{
		number("start_unix_nano", "", func(s *demo.Span) int64 { return int64(s.Start) }),
		number("end_unix_nano", "", func(s *demo.Span) int64 { return int64(s.End) }),
		number("start_time", "toUnixTimestamp64Nano(start_time)", func(s *demo.Span) int64 { return int64(s.Start) }),
		number("end_time", "toUnixTimestamp64Nano(end_time)", func(s *demo.Span) int64 { return int64(s.End) }),
		number("duration_ns", "", func(s *demo.Span) int64 { return int64(s.End - s.Start) }),
		// The flags that the times alone decide; the others depend on receipt.
		number("time_flags", "bitAnd(time_flags, 60)", func(*demo.Span) int64 { return 0 }),
	}
}

func meaningColumns() []column {
	return []column{
		text("experiment_id", "", func(s *demo.Span, _ *judge) string { return s.Want.Experiment }),
		text("service_name", "", func(s *demo.Span, _ *judge) string { return s.Resource.Service }),
		text("environment", "", func(s *demo.Span, _ *judge) string { return s.Resource.Environment() }),
		text("kind", "", func(s *demo.Span, _ *judge) string { return s.Want.Kind }),
		text("semconv_family", "", func(s *demo.Span, _ *judge) string { return s.Want.Family }),
		text("operation", "", func(s *demo.Span, _ *judge) string { return s.Want.Operation }),
		text("provider", "", func(s *demo.Span, _ *judge) string { return s.Want.Provider }),
		text("model", "", func(s *demo.Span, _ *judge) string { return s.Want.Model() }),
		text("request_model", "", func(s *demo.Span, _ *judge) string { return s.Want.RequestModel }),
		text("response_model", "", func(s *demo.Span, _ *judge) string { return s.Want.ResponseModel }),
		tokens("input_tokens", func(w *demo.Want) int64 { return w.InputTokens }),
		tokens("output_tokens", func(w *demo.Want) int64 { return w.OutputTokens }),
		tokens("total_tokens", func(w *demo.Want) int64 { return w.TotalTokens }),
		tokens("cache_read_tokens", func(w *demo.Want) int64 { return w.CacheReadTokens }),
		tokens("cache_write_tokens", func(*demo.Want) int64 { return -1 }),
		tokens("reasoning_tokens", func(w *demo.Want) int64 { return w.ReasoningTokens }),
		flag("usage_billable", func(s *demo.Span) bool { return s.Want.Billable }),
		text("session_id", "", func(s *demo.Span, _ *judge) string { return s.Want.SessionID }),
		text("user_id", "", func(s *demo.Span, _ *judge) string { return s.Want.UserID }),
		text("agent_name", "", func(s *demo.Span, _ *judge) string { return s.Want.Agent }),
		text("tool_name", "", func(s *demo.Span, _ *judge) string { return s.Want.Tool }),
		text("error_type", "", func(s *demo.Span, _ *judge) string { return s.Want.ErrorType }),
	}
}

// structured: the content was sent as a list or map, not as text.
func structured(c *demo.Content) bool {
	return c.Key != "" && c.Value != nil && (c.Value.Type == demo.Array || c.Value.Type == demo.Map)
}

func contentColumns() []column {
	return []column{
		content("input", func(w *demo.Want) *demo.Content { return &w.Input }),
		text("input_key", "", func(s *demo.Span, _ *judge) string { return s.Want.Input.Key }),
		flag("input_structured", func(s *demo.Span) bool { return structured(&s.Want.Input) }),
		content("output", func(w *demo.Want) *demo.Content { return &w.Output }),
		text("output_key", "", func(s *demo.Span, _ *judge) string { return s.Want.Output.Key }),
		flag("output_structured", func(s *demo.Span) bool { return structured(&s.Want.Output) }),
		attributes("attr_str", (*rowReader).text, sameText, demo.String),
		attributes("attr_int", eight, sameNumber, demo.Int),
		attributes("attr_double", eight, sameNumber, demo.Double),
		attributes("attr_bool", one, sameNumber, demo.Bool),
		attributes("attr_json", (*rowReader).text, matchesJSON, demo.Empty, demo.Array, demo.Map),
		attributes("attr_bytes", (*rowReader).text, sameText, demo.Bytes),
		number("dropped_attrs", "", func(s *demo.Span) int64 { return int64(s.DroppedAttrs) }),
		number("dropped_events", "", func(s *demo.Span) int64 { return int64(s.DroppedEvents) }),
		number("dropped_links", "", func(s *demo.Span) int64 { return int64(s.DroppedLinks) }),
	}
}

func originColumns() []column {
	return []column{
		shared("resource_attrs", func(s *demo.Span) []demo.Attr { return s.Resource.Attrs }),
		number("resource_dropped_attrs", "", func(s *demo.Span) int64 { return int64(s.Resource.Dropped) }),
		text("resource_schema_url", "", func(s *demo.Span, _ *judge) string { return s.Resource.SchemaURL }),
		text("scope_name", "", func(s *demo.Span, _ *judge) string { return s.Scope.Name }),
		text("scope_version", "", func(s *demo.Span, _ *judge) string { return s.Scope.Version }),
		shared("scope_attrs", func(s *demo.Span) []demo.Attr { return s.Scope.Attrs }),
		number("scope_dropped_attrs", "", func(s *demo.Span) int64 { return int64(s.Scope.Dropped) }),
		text("scope_schema_url", "", func(s *demo.Span, _ *judge) string { return s.Scope.SchemaURL }),
	}
}

func listColumns() []column {
	events := func(s *demo.Span) int { return len(s.Events) }
	links := func(s *demo.Span) int { return len(s.Links) }
	return []column{
		numbers("events_time_unix_nano", events, func(s *demo.Span, i int) uint64 { return s.Events[i].Time }),
		texts("events_name", events, func(s *demo.Span, i int) string { return s.Events[i].Name }),
		objects("events_attrs", events, func(s *demo.Span, i int) []demo.Attr { return s.Events[i].Attrs }),
		numbers("events_dropped_attrs", events, func(s *demo.Span, i int) uint64 { return uint64(s.Events[i].Dropped) }),
		texts("links_trace_id", links, func(s *demo.Span, i int) string { return hex.EncodeToString(s.Links[i].TraceID[:]) }),
		texts("links_span_id", links, func(s *demo.Span, i int) string { return hex.EncodeToString(s.Links[i].SpanID[:]) }),
		texts("links_trace_state", links, func(s *demo.Span, i int) string { return s.Links[i].TraceState }),
		objects("links_attrs", links, func(s *demo.Span, i int) []demo.Attr { return s.Links[i].Attrs }),
		numbers("links_dropped_attrs", links, func(s *demo.Span, i int) uint64 { return uint64(s.Links[i].Dropped) }),
		numbers("links_flags", links, func(s *demo.Span, i int) uint64 { return uint64(s.Links[i].Flags) }),
	}
}

// Below, the kinds of columns.

func text(name, sql string, want func(*demo.Span, *judge) string) column {
	return column{name, sql, func(c *column, r *rowReader, j *judge) {
		got := r.text()
		if j.span == nil {
			return
		}
		if w := want(j.span, j); string(got) != w {
			j.differ(c.name, strconv.Quote(w), quote(got))
		}
	}}
}

// number columns are asked for as Int64, whatever width the table gives them.
func number(name, sql string, want func(*demo.Span) int64) column {
	if sql == "" {
		sql = name
	}
	return column{name, "toInt64(" + sql + ")", func(c *column, r *rowReader, j *judge) {
		got := int64(r.u64())
		if j.span == nil {
			return
		}
		if w := want(j.span); got != w {
			j.differ(c.name, strconv.FormatInt(w, 10), strconv.FormatInt(got, 10))
		}
	}}
}

func flag(name string, want func(*demo.Span) bool) column {
	return number(name, "", func(s *demo.Span) int64 {
		if want(s) {
			return 1
		}
		return 0
	})
}

// tokens are compared with NULL as -1.
func tokens(name string, want func(*demo.Want) int64) column {
	return number(name, "ifNull(toInt64("+name+"), -1)", func(s *demo.Span) int64 { return want(&s.Want) })
}

func content(name string, want func(*demo.Want) *demo.Content) column {
	return column{name, "", func(c *column, r *rowReader, j *judge) {
		got := r.text()
		if j.span == nil {
			return
		}
		switch w := want(&j.span.Want); {
		case w.Value != nil && !matchesJSON(got, w.Value):
			j.differ(c.name, "the JSON of "+describe(w.Value), quote(got))
		case w.Value == nil && string(got) != w.Text:
			j.differ(c.name, quote([]byte(w.Text)), quote(got))
		}
	}}
}

func eight(r *rowReader) []byte { return r.take(8) }
func one(r *rowReader) []byte   { return r.take(1) }

func sameText(got []byte, v *demo.Value) bool { return string(got) == v.Text }

// sameNumber compares bits: NaN is equal to itself, 0 is not -0.
func sameNumber(got []byte, v *demo.Value) bool {
	var n uint64
	for i, b := range got {
		n |= uint64(b) << (8 * i)
	}
	return n == v.Num || v.Type == demo.Double && math.IsNaN(math.Float64frombits(n)) && math.IsNaN(v.Double())
}

// attributes is a map of the attributes of some types: all of the span's,
// except those that are its content.
func attributes(name string, read func(*rowReader) []byte, same func([]byte, *demo.Value) bool, types ...demo.Type) column {
	return column{name, "", func(c *column, r *rowReader, j *judge) {
		var seen uint64
		var attrs []demo.Attr
		if j.span != nil {
			attrs = j.span.Attrs
		}
		for n := r.uvarint(); n > 0 && r.err == nil; n-- {
			key := r.text()
			at := find(attrs, key)
			label := ""
			if at < 0 && j.span != nil {
				label = string(key) // the key is gone when the value is read
			}
			got := read(r)
			switch {
			case j.span == nil:
			case at < 0:
				j.differ(c.name+"["+label+"]", "no such attribute", quote(got))
			case seen>>at&1 != 0:
				j.differ(c.name+"["+attrs[at].Key+"]", "it once", "it twice")
			case !slices.Contains(types, attrs[at].Value.Type) || !same(got, &attrs[at].Value):
				j.differ(c.name+"["+attrs[at].Key+"]", describe(&attrs[at].Value), quote(got))
			case j.isContent(attrs[at].Key):
				j.differ(c.name+"["+attrs[at].Key+"]", "not a second time: it is content", quote(got))
			}
			if at >= 0 {
				seen |= 1 << at
			}
		}
		for i := range attrs {
			if seen>>i&1 == 0 && slices.Contains(types, attrs[i].Value.Type) && !j.isContent(attrs[i].Key) {
				j.differ(c.name+"["+attrs[i].Key+"]", describe(&attrs[i].Value), "absent")
			}
		}
	}}
}

// shared is the JSON of attributes that many spans share: text that was found
// right for a resource or scope is not read again.
func shared(name string, want func(*demo.Span) []demo.Attr) column {
	return column{name, "", func(c *column, r *rowReader, j *judge) {
		got := r.text()
		if j.span == nil {
			return
		}
		attrs := want(j.span)
		key := sharedKey{c.name, nil}
		if len(attrs) > 0 {
			key.attrs = &attrs[0]
		}
		if right, ok := j.shared[key]; ok && bytes.Equal(right, got) {
			return
		}
		if !matchesObject(got, attrs) {
			j.differ(c.name, "the JSON of "+describe(&demo.Value{Type: demo.Map, Pairs: attrs}), quote(got))
			return
		}
		j.shared[key] = bytes.Clone(got)
	}}
}

// list is an array column; element reads and compares one of its values.
func list(name, sql string, size func(*demo.Span) int, element func(r *rowReader, s *demo.Span, i int) (want, got string, same bool)) column {
	return column{name, sql, func(c *column, r *rowReader, j *judge) {
		n := int(min(r.uvarint(), maxCell))
		s := j.span
		if s != nil && n != size(s) {
			j.differ("length of "+c.name, strconv.Itoa(size(s)), strconv.Itoa(n))
			s = nil // of no use to compare further
		}
		for i := 0; i < n && r.err == nil; i++ {
			if want, got, same := element(r, s, i); !same {
				j.differ(fmt.Sprintf("%s[%d]", c.name, i), want, got)
			}
		}
	}}
}

func texts(name string, size func(*demo.Span) int, at func(*demo.Span, int) string) column {
	return list(name, "", size, func(r *rowReader, s *demo.Span, i int) (want, got string, same bool) {
		b := r.text()
		if s == nil || string(b) == at(s, i) {
			return "", "", true
		}
		return strconv.Quote(at(s, i)), quote(b), false
	})
}

func numbers(name string, size func(*demo.Span) int, at func(*demo.Span, int) uint64) column {
	return list(name, "arrayMap(x -> toUInt64(x), "+name+")", size, func(r *rowReader, s *demo.Span, i int) (want, got string, same bool) {
		n := r.u64()
		if s == nil || n == at(s, i) {
			return "", "", true
		}
		return strconv.FormatUint(at(s, i), 10), strconv.FormatUint(n, 10), false
	})
}

func objects(name string, size func(*demo.Span) int, at func(*demo.Span, int) []demo.Attr) column {
	return list(name, "", size, func(r *rowReader, s *demo.Span, i int) (want, got string, same bool) {
		b := r.text()
		if s == nil || matchesObject(b, at(s, i)) {
			return "", "", true
		}
		return "the JSON of " + describe(&demo.Value{Type: demo.Map, Pairs: at(s, i)}), quote(b), false
	})
}

// quote shows the beginning of a cell.
func quote(b []byte) string {
	if len(b) > 200 {
		return fmt.Sprintf("%q… (%d bytes)", b[:200], len(b))
	}
	return strconv.Quote(string(b))
}

// describe shows a value with its type.
func describe(v *demo.Value) string {
	switch v.Type {
	case demo.String:
		return "string " + quote([]byte(v.Text))
	case demo.Bool:
		return "bool " + strconv.FormatBool(v.Num != 0)
	case demo.Int:
		return "int " + strconv.FormatInt(int64(v.Num), 10)
	case demo.Double:
		return fmt.Sprintf("double %v", v.Double())
	case demo.Bytes:
		return "bytes " + quote([]byte(v.Text))
	case demo.Array:
		var parts []string
		for i := range v.Items {
			parts = append(parts, describe(&v.Items[i]))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case demo.Map:
		var parts []string
		for i := range v.Pairs {
			parts = append(parts, v.Pairs[i].Key+": "+describe(&v.Pairs[i].Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case demo.Empty:
	}
	return "the empty value"
}
