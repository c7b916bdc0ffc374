package otlp

import (
	"encoding/hex"
	"math"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// lenField writes a length-delimited field from parts.
func lenField(num int, parts ...string) string {
	w := messageWriter{}
	w.text(num, strings.Join(parts, ""))
	return string(w.buf)
}

func varintField(num int, v uint64) string {
	w := messageWriter{}
	w.varint(num, v)
	return string(w.buf)
}

func fixed64Field(num int, v uint64) string {
	w := messageWriter{}
	w.fixed64(num, v)
	return string(w.buf)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Building blocks of hand-made requests.
const (
	traceA = "AAAAAAAAAAAAAAAA"
	traceB = "BBBBBBBBBBBBBBBB"
	spanA  = "aaaaaaaa"
	spanB  = "bbbbbbbb"
)

func spanField(trace, id string, more ...string) string {
	return lenField(2, lenField(1, trace), lenField(2, id), strings.Join(more, ""))
}

func stringAttr(num int, key, value string) string {
	return lenField(num, lenField(1, key), lenField(2, lenField(1, value)))
}

// oneScope is a request of one ResourceSpans with one ScopeSpans.
func oneScope(spans ...string) []byte {
	return []byte(lenField(1, lenField(1, stringAttr(1, "service.name", "s")), lenField(2, spans...)))
}

// withSpan is a request of one valid span with more fields.
func withSpan(more ...string) []byte { return oneScope(spanField(traceA, spanA, more...)) }

// withValue is a request of one span with one attribute of the AnyValue value.
func withValue(value ...string) []byte {
	return withSpan(lenField(9, lenField(1, "k"), lenField(2, value...)))
}

// deepRequest nests n AnyValues, the innermost a string.
func deepRequest(n int) []byte {
	v := lenField(1, "bottom")
	for range n - 1 {
		v = lenField(5, lenField(1, v))
	}
	return withValue(v)
}

// everyField is a span with all that OTLP defines.
func everyField() ptrace.Traces {
	td := ptrace.NewTraces()
	for range 2 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.SetSchemaUrl("https://opentelemetry.io/schemas/1.30.0")
		rs.Resource().Attributes().PutStr("service.name", "s")
		rs.Resource().SetDroppedAttributesCount(7)
		for range 2 {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.SetSchemaUrl("https://example.org/scope")
			ss.Scope().SetName("lib")
			ss.Scope().SetVersion("1.2")
			ss.Scope().Attributes().PutBool("b", true)
			ss.Scope().SetDroppedAttributesCount(1)
			for i := range 3 {
				fillSpan(ss.Spans().AppendEmpty(), byte(i))
			}
		}
	}
	return td
}

func fillSpan(s ptrace.Span, i byte) {
	s.SetTraceID(pcommon.TraceID{1, i, 3})
	s.SetSpanID(pcommon.SpanID{i + 1})
	s.SetParentSpanID(pcommon.SpanID{9, i})
	s.TraceState().FromRaw("ot=th:8")
	s.SetFlags(0x101)
	s.SetName("näme \x01 \"q\" \\")
	s.SetKind(ptrace.SpanKindConsumer)
	s.SetStartTimestamp(math.MaxUint64)
	s.SetEndTimestamp(1)
	s.SetDroppedAttributesCount(1)
	s.SetDroppedEventsCount(2)
	s.SetDroppedLinksCount(math.MaxUint32)
	s.Status().SetCode(ptrace.StatusCodeError)
	s.Status().SetMessage("boom")
	fillAttrs(s.Attributes())
	for range 2 {
		e := s.Events().AppendEmpty()
		e.SetName("exception")
		e.SetTimestamp(5)
		e.SetDroppedAttributesCount(3)
		fillAttrs(e.Attributes())
		l := s.Links().AppendEmpty()
		l.SetTraceID(pcommon.TraceID{7})
		l.SetSpanID(pcommon.SpanID{8})
		l.TraceState().FromRaw("a=b")
		l.SetFlags(1)
		l.SetDroppedAttributesCount(4)
		l.Attributes().PutStr("l", "v")
	}
}

func fillAttrs(m pcommon.Map) {
	m.PutStr("string", "text\n\t\u2028é")
	m.PutStr("empty string", "")
	m.PutBool("true", true)
	m.PutBool("false", false)
	m.PutInt("int", math.MinInt64)
	m.PutInt("zero", 0)
	m.PutDouble("one", 1)
	m.PutDouble("nan", math.NaN())
	m.PutDouble("inf", math.Inf(-1))
	m.PutDouble("small", 1e-7)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 1, 255})
	m.PutEmpty("empty")
	list := m.PutEmptySlice("list")
	list.AppendEmpty().SetStr("a")
	list.AppendEmpty()
	list.AppendEmpty().SetEmptyMap().PutDouble("x", 2)
	inner := m.PutEmptyMap("map")
	inner.PutEmptySlice("none")
	inner.PutInt("n", 3)
}

type framingCase struct {
	name   string
	body   []byte
	offset int
	reason string
}

// framingCases are broken requests with the exact refusal.
func framingCases() []framingCase {
	// Offsets: one resource-less ResourceSpans of one ScopeSpans of one span
	// starts its span's content at byte 6.
	inSpan := func(s string) []byte { return []byte(lenField(1, lenField(2, lenField(2, s)))) }
	overflow := "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"
	return []framingCase{
		{"tag cut", []byte("\x80"), 0, "varint is truncated"},
		{"length cut", []byte("\x0a"), 1, "varint is truncated"},
		{"length too long", []byte("\x0a\x05ab"), 1, "length goes past the end"},
		{"huge length", []byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, "length goes past the end"},
		{"field 0", []byte("\x02\x00"), 0, "field number out of range"},
		{"field number above 2^29-1", []byte("\x80\x80\x80\x80\x10\x00"), 0, "field number out of range"},
		{"request field 1 as varint", []byte("\x08\x01"), 0, "wrong wire type for field resourceSpans"},
		{"unknown varint overflows", []byte("\x10" + overflow[1:]), 1, "varint overflows 64 bits"},
		{"group", []byte("\x1b\x1c"), 0, "wire type is a group or undefined"},
		{"wire type 7", []byte("\x1f"), 0, "wire type is a group or undefined"},
		{"child longer than parent", []byte("\x0a\x02\x12\x05abcde"), 3, "length goes past the end"},
		{"span name as varint", inSpan("\x28\x01"), 6, "wrong wire type for field name"},
		{"span start as varint", inSpan("\x38\x01"), 6, "wrong wire type for field startTimeUnixNano"},
		{"span start cut", inSpan("\x39\x01"), 7, "fixed-size value is truncated"},
		{"span flags cut", inSpan("\x85\x01\x01"), 8, "fixed-size value is truncated"},
		{"attribute key as fixed64", inSpan(lenField(9, "\x09\x00\x00\x00\x00\x00\x00\x00\x00")), 8, "wrong wire type for field key"},
		{"int value as bytes", inSpan(lenField(9, lenField(2, "\x1a\x01a"))), 10, "wrong wire type for field intValue"},
		{"nested value cut", inSpan(lenField(9, lenField(2, lenField(5, lenField(1, "\x0a\x09"))))), 15, "length goes past the end"},
		{"nested map key", inSpan(lenField(9, lenField(2, lenField(6, lenField(1, "\x08\x01"))))), 14, "wrong wire type for field key"},
		{"event time as varint", inSpan(lenField(11, "\x08\x01")), 8, "wrong wire type for field timeUnixNano"},
		{"link flags as varint", inSpan(lenField(13, "\x30\x01")), 8, "wrong wire type for field flags"},
		{"status code as bytes", inSpan(lenField(15, "\x1a\x00")), 8, "wrong wire type for field code"},
		{"scope name as varint", []byte(lenField(1, lenField(2, lenField(1, "\x08\x01")))), 6, "wrong wire type for field name"},
		{"resource attribute", []byte(lenField(1, lenField(1, "\x08\x01"))), 4, "wrong wire type for field attributes"},
		{"schema url as varint", []byte(lenField(1, "\x18\x01")), 2, "wrong wire type for field schemaUrl"},
		{"entity ref type as varint", []byte(lenField(1, lenField(1, lenField(3, "\x10\x01")))), 6, "wrong wire type for field type"},
	}
}

// mergeCases are valid requests that repeat, reorder or extend fields.
func mergeCases() map[string][]byte {
	scope := lenField(2, lenField(1, lenField(1, "lib")), spanField(traceA, spanA))
	return map[string][]byte{
		"resource after spans":      []byte(lenField(1, scope, lenField(1, stringAttr(1, "a", "b")))),
		"two resources":             []byte(lenField(1, lenField(1, stringAttr(1, "a", "1"), varintField(2, 1)), scope, lenField(1, stringAttr(1, "b", "2"), varintField(2, 9)))),
		"two scopes in one":         []byte(lenField(1, lenField(2, lenField(1, lenField(1, "x"), lenField(2, "v")), spanField(traceA, spanA), lenField(1, lenField(1, "y"))))),
		"schema urls twice":         []byte(lenField(1, lenField(3, "u"), scope, lenField(3, "w"))),
		"span name twice":           withSpan(lenField(5, "first"), lenField(5, "last")),
		"status twice":              withSpan(lenField(15, lenField(2, "m")), lenField(15, varintField(3, 2))),
		"oneof twice":               withValue(lenField(1, "s"), varintField(3, 5)),
		"value twice":               withSpan(lenField(9, lenField(2, lenField(1, "one")), lenField(1, "k"), lenField(2, varintField(2, 1)))),
		"empty value after value":   withSpan(lenField(9, lenField(2, lenField(1, "kept")), lenField(2))),
		"string index unsets":       withValue(lenField(1, "s"), varintField(8, 1)),
		"two arrays":                withValue(lenField(5, lenField(1, lenField(1, "a"))), lenField(5, lenField(1, lenField(1, "b")))),
		"unknown fields everywhere": []byte(varintField(99, 1) + lenField(1, lenField(77, "r"), lenField(2, varintField(66, 3), spanField(traceA, spanA, lenField(55, "s"), fixed64Field(54, 1)), lenField(65, "t")))),
		"attributes around events":  withSpan(stringAttr(9, "a", "1"), lenField(11, stringAttr(3, "e", "2"), lenField(2, "n"), stringAttr(3, "f", "3")), stringAttr(9, "b", "4"), lenField(13, stringAttr(4, "l", "5")), stringAttr(9, "c", "6")),
		"enum beyond int32":         withSpan(varintField(6, 1<<40|5), varintField(10, 1<<33|1)),
		"trace id twice":            oneScope(spanField(traceA, spanA, lenField(1, traceB))),
		"long varints":              oneScope(lenField(2, "\x0a\x90\x00"+traceA, lenField(2, spanA), "\xb0\x80\x00\x83\x00")),
		"invalid utf-8":             oneScope(spanField(traceA, spanA, lenField(5, "a\xffb\xc3"), stringAttr(9, "k\xfe", "v\xfd"), lenField(9, lenField(1, "n"), lenField(2, lenField(6, lenField(1, lenField(1, "\xf0"), lenField(2, lenField(1, "\xf1"))))))), spanField(traceA, spanB)),
		"old scope spans":           []byte(lenField(1, lenField(1000, spanField(traceA, spanA)))),
	}
}
