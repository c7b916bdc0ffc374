package otlp

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/pkg/schema"
)

func decode(t *testing.T, d *Decoder, body []byte) []schema.Span {
	t.Helper()
	spans, err := d.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return spans
}

func TestDecodeMergesAsPdataDoes(t *testing.T) {
	t.Parallel()
	cases := mergeCases()
	cases["every field"] = request(t, everyField())
	cases["GenAI"] = request(t, genAITraces(20))
	delete(cases, "old scope spans")
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := ptraceotlp.NewExportRequest()
			if err := req.UnmarshalProto(body); err != nil {
				t.Fatal(err)
			}
			var d Decoder
			got := ourSpans(decode(t, &d, body))
			if len(got) == 0 {
				t.Fatal("no spans")
			}
			if diff := cmp.Diff(pdataSpans(req.Traces()), got); diff != "" {
				t.Error(diff)
			}
			checkParts(t, split(t, Limits{PackBytes: 100}, body, 3), body, 3)
		})
	}
}

func TestDecodeKeepsInvalidSpans(t *testing.T) {
	t.Parallel()
	var d Decoder
	spans := decode(t, &d, oneScope(spanField(traceA, spanA), spanField("short", spanA),
		spanField(traceA, ""), spanField(traceA, spanB, lenField(4, "p")), spanField(traceB, spanB)))
	var got []string
	for i, s := range spans {
		if s.Index != uint32(i) {
			t.Errorf("span %d has index %d", i, s.Index)
		}
		got = append(got, s.Invalid)
	}
	if diff := cmp.Diff([]string{"", RejectTraceID, RejectSpanID, RejectParentID, ""}, got); diff != "" {
		t.Error(diff)
	}
	if !spans[1].TraceID.IsZero() || spans[1].SpanID.IsZero() {
		t.Error("an id of a wrong length should be zero, its neighbour not")
	}
}

func TestDecodeMendsInvalidUTF8(t *testing.T) {
	t.Parallel()
	var d Decoder
	spans := decode(t, &d, mergeCases()["invalid utf-8"])
	s := spans[0]
	if s.Mended != schema.FlagInvalidUTF8 || spans[1].Mended != 0 {
		t.Errorf("mended %v, %v", s.Mended, spans[1].Mended)
	}
	got := s.Name + string(AppendAttrsJSON(nil, s.Attrs))
	if want := "a\uFFFDb\uFFFD" + "{\"k\uFFFD\":\"v\uFFFD\",\"n\":{\"\uFFFD\":\"\uFFFD\"}}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, body := range map[string][]byte{
		"trace state":     withSpan(lenField(3, "\xff")),
		"status":          withSpan(lenField(15, lenField(2, "\xff"))),
		"event name":      withSpan(lenField(11, lenField(2, "\xff"))),
		"event attribute": withSpan(lenField(11, stringAttr(3, "k", "\xff"))),
		"link attribute":  withSpan(lenField(13, stringAttr(4, "\xff", ""))),
		"link state":      withSpan(lenField(13, lenField(3, "\xff"))),
		"nested string":   withValue(lenField(5, lenField(1, lenField(1, "\xff")))),
		"resource":        []byte(lenField(1, lenField(2, spanField(traceA, spanA)), lenField(1, stringAttr(1, "k", "\xff")))),
		"schema url":      []byte(lenField(1, lenField(2, spanField(traceA, spanA), lenField(3, "\xff")))),
		"scope":           []byte(lenField(1, lenField(2, spanField(traceA, spanA), lenField(1, lenField(1, "\xff"))))),
	} {
		if s := decode(t, &d, body)[0]; s.Mended != schema.FlagInvalidUTF8 {
			t.Errorf("%s: not flagged", name)
		}
	}
	for name, body := range map[string][]byte{
		"bytes value": withValue(lenField(7, "\xff")),
		"link ids":    withSpan(lenField(13, lenField(1, "\xff"), lenField(2, "\xff"))),
	} {
		if s := decode(t, &d, body)[0]; s.Mended != 0 {
			t.Errorf("%s: flagged, and is no text", name)
		}
	}
}

func TestDecodeSetsDeepValuesApart(t *testing.T) {
	t.Parallel()
	var d Decoder
	if s := decode(t, &d, deepRequest(maxDepth))[0]; s.Mended != 0 || s.Attrs[0].Value.Type != schema.ValueArray {
		t.Errorf("64 deep: %v %v", s.Mended, s.Attrs[0].Value.Type)
	}
	body := deepRequest(maxDepth + 1)
	s := decode(t, &d, body)[0]
	v := s.Attrs[0].Value
	if s.Mended != schema.FlagDeepValue || v.Type != schema.ValueRaw || !strings.Contains(string(body), v.Str) {
		t.Fatalf("65 deep: %v %v", s.Mended, v.Type)
	}
	var again schema.Value
	if anyValue(&again, v.Str, nil); again.Type != schema.ValueArray {
		t.Error("a raw value is not its wire form")
	}
	// What is broken below is not seen, and what is very deep costs no stack.
	broken := lenField(1, "\xff")
	for range maxDepth {
		broken = lenField(5, lenField(1, broken))
	}
	for _, body := range [][]byte{withValue(broken), deepRequest(1000)} {
		if s := split(t, Limits{}, body, 1); s.Accepted() != 1 {
			t.Error("not accepted")
		}
		if s := decode(t, &d, body)[0]; s.Mended&schema.FlagDeepValue == 0 {
			t.Error("not flagged")
		}
	}
}

func TestDecodedMemory(t *testing.T) {
	t.Parallel()
	var d Decoder
	spans := decode(t, &d, request(t, genAITraces(2)))
	if cap(spans[0].Attrs) != len(spans[0].Attrs) {
		t.Error("an append to one span's attributes would overwrite the next span's")
	}
	decode(t, &d, request(t, genAITraces(keepDecodedSpans+100)))
	d.Reset()
	if cap(d.spans) > keepDecodedSpans || cap(d.attrs) > keepDecodedAttrs {
		t.Error("a decoder at rest holds on to a large record's memory")
	}
	for _, a := range d.attrs[:cap(d.attrs)] {
		if a.Key != "" {
			t.Fatal("a decoder at rest keeps a record alive")
		}
	}
}

func TestAppendJSON(t *testing.T) {
	t.Parallel()
	var d Decoder
	s := decode(t, &d, request(t, everyField()))[0]
	got := string(AppendAttrsJSON(nil, s.Attrs))
	want := `{"string":"text\n\t` + "\u2028é" + `","empty string":"","true":true,"false":false,` +
		`"int":-9223372036854775808,"zero":0,"one":1.0,"nan":"NaN","inf":"-Infinity","small":1e-07,` +
		`"bytes":"AAH/","empty":null,"list":["a",null,{"x":2.0}],"map":{"none":[],"n":3}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for f, want := range map[float64]string{
		0: "0.0", -1: "-1.0", 0.1: "0.1", 1e20: "100000000000000000000.0", 1e21: "1e+21", 1e-6: "0.000001", 123456.75: "123456.75",
	} {
		if got := string(appendDouble(nil, f)); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
	if got := string(AppendAttrsJSON(nil, nil)); got != "{}" {
		t.Errorf("no attributes: %s", got)
	}
	if got := string(appendString(nil, "\x00\"\\\r\x1f/<\x7f")); got != `"\u0000\"\\\r\u001f/<`+"\x7f\"" {
		t.Errorf("escapes: %s", got)
	}
	if got := string(AppendJSON(nil, schema.Value{Type: schema.ValueRaw, Str: "\x0a\x01"})); got != `"CgE="` {
		t.Errorf("raw: %s", got)
	}
}

// TestIsPlain tries every byte in every place of a word.
func TestIsPlain(t *testing.T) {
	t.Parallel()
	for place := range 8 {
		for b := range 256 {
			s := []byte("aZ ~}09[")
			s[place] = byte(b)
			want := b >= ' ' && b != '"' && b != '\\' && b < utf8.RuneSelf
			if got := isPlain(word(string(s))); got != want {
				t.Errorf("%q: %v, want %v", s, got, want)
			}
		}
	}
}

// TestDecodeReadsNoFieldTwice: a field of a wrong wire type, here thousands of
// them at each of four levels, brings no content of the field before it along.
// Reading that again took hours of a body of 7 KB (found by FuzzDecodeAgainstPdata).
func TestDecodeReadsNoFieldTwice(t *testing.T) {
	t.Parallel()
	const varintField1 = "\x08\x00"
	body := ""
	for range 4 { // a resource's attribute, its resource, its resourceSpans, the request
		body = "\x0a" + string(binary.AppendUvarint(nil, uint64(len(body)))) + body + strings.Repeat(varintField1, 3000)
	}
	var d Decoder
	if spans, err := d.Decode([]byte(body)); err == nil {
		t.Errorf("%d spans of a body that is none", len(spans))
	}
	if records, err := d.DecodeLogs([]byte(body)); err == nil {
		t.Errorf("%d log records of a body that is none", len(records))
	}
}
