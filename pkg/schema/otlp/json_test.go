package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const jsonIDs = `"traceId":"41414141414141414141414141414141","spanId":"6161616161616161"`

func jsonSpan(fields string) string {
	return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + fields + `}]}]}]}`
}

type jsonCase struct {
	name, body string
	want       string // protobuf, or
	err        string // the refusal without its offset
}

func jsonCases() []jsonCase {
	ids := lenField(1, traceA) + lenField(2, spanA)
	span := func(more ...string) string { return lenField(1, lenField(2, lenField(2, ids, strings.Join(more, "")))) }
	ok := func(name, fields string, more ...string) jsonCase {
		return jsonCase{name: name, body: jsonSpan(jsonIDs + fields), want: span(more...)}
	}
	bad := func(name, fields, err string) jsonCase {
		return jsonCase{name: name, body: jsonSpan(jsonIDs + fields), err: err}
	}
	value := func(name, v, wire string) jsonCase {
		return ok(name, `,"attributes":[{"key":"k","value":`+v+`}]`, lenField(9, lenField(1, "k"), lenField(2, wire)))
	}
	const at = "resourceSpans.scopeSpans.spans."
	return []jsonCase{
		{name: "empty object", body: ` { } `},
		ok("ids only", ``),
		{
			name: "upper case and snake_case", body: `{"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":"4142434445464748494A4B4C4D4E4F50","span_id":"6A6B6C6D6E6F7071"}]}]}]}`,
			want: lenField(1, lenField(2, spanField("ABCDEFGHIJKLMNOP", "jklmnopq"))),
		},
		{name: "id not hexadecimal", body: jsonSpan(`"traceId":"xyz","spanId":"6161616161616161"`), want: lenField(1, lenField(2, lenField(2, lenField(1, "\x00"), lenField(2, spanA))))},
		{name: "id too short", body: jsonSpan(`"traceId":"4141","spanId":""`), want: lenField(1, lenField(2, lenField(2, lenField(1, "AA"), lenField(2))))},
		ok("times as strings and numbers", `,"startTimeUnixNano":"18446744073709551615","endTimeUnixNano":1e3`, fixed64Field(7, 1<<64-1), fixed64Field(8, 1000)),
		ok("kind by name", `,"kind":"SPAN_KIND_CLIENT"`, varintField(6, 3)),
		ok("kind by number", `,"kind":77`, varintField(6, 77)),
		ok("status", `,"status":{"code":"STATUS_CODE_ERROR","message":"m"}`, lenField(15, varintField(3, 2), lenField(2, "m"))),
		ok("null is absent", `,"name":null,"attributes":null,"status":null,"kind":null`),
		ok("unknown fields", `,"future":{"a":[1,{"b":null}],"c":"}"},"x":true,"y":-1.5e-7`),
		ok("escapes", `,"name":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x\udc00\ud800\u0041"`, lenField(5, "a\"\\/\b\f\n\r\té😀\uFFFDx\uFFFD\uFFFDA")),
		ok("invalid UTF-8 passes, for Decode to flag", ",\"name\":\"\xff\"", lenField(5, "\xff")),
		ok("flags and counts", `,"flags":257,"droppedEventsCount":"4294967295"`, "\x85\x01\x01\x01\x00\x00", varintField(12, 1<<32-1)),
		value("string", `{"stringValue":""}`, lenField(1)),
		value("bool", `{"boolValue":false}`, varintField(2, 0)),
		value("int as string", `{"intValue":"-5"}`, varintField(3, 1<<64-5)),
		value("int as number", `{"intValue":9007199254740993}`, varintField(3, 9007199254740993)),
		value("int with exponent", `{"intValue":-1.50e1}`, varintField(3, 1<<64-15)),
		value("int with exact exponent", `{"intValue":9.007199254740993e15}`, varintField(3, 9007199254740993)),
		value("int as zeros", `{"intValue":0.000e-5}`, varintField(3, 0)),
		value("double", `{"doubleValue":0.5}`, fixed64Field(4, 0x3FE0000000000000)),
		value("double as integer", `{"doubleValue":1}`, fixed64Field(4, 0x3FF0000000000000)),
		value("infinity", `{"doubleValue":"-Infinity"}`, fixed64Field(4, 0xFFF0000000000000)),
		value("bytes", `{"bytesValue":"AAH/"}`, lenField(7, "\x00\x01\xff")),
		value("bytes base64url without padding", `{"bytes_value":"_w"}`, lenField(7, "\xff")),
		value("array with null", `{"arrayValue":{"values":[null,{"intValue":1}]}}`, lenField(5, lenField(1), lenField(1, varintField(3, 1)))),
		value("map", `{"kvlistValue":{"values":[{"key":"a","value":{}}]}}`, lenField(6, lenField(1, lenField(1, "a"), lenField(2)))),
		value("last of a oneof", `{"stringValue":"s","intValue":1}`, lenField(1, "s")+varintField(3, 1)),
		value("length that needs two bytes", `{"stringValue":"`+strings.Repeat("x", 200)+`"}`, lenField(1, strings.Repeat("x", 200))),

		{name: "nothing", body: ``, err: "not valid JSON"},
		{name: "not an object", body: `[]`, err: "wrong JSON type"},
		{name: "null request", body: `null`, err: "wrong JSON type"},
		{name: "something after", body: `{} {}`, err: "something follows the request"},
		{name: "cut", body: `{"resourceSpans":[`, err: "resourceSpans: not valid JSON"},
		{name: "comma before end", body: `{"a":1,}`, err: "not valid JSON"},
		{name: "comma first", body: `{,"a":1}`, err: "not valid JSON"},
		{name: "no colon", body: `{"a" 1}`, err: "not valid JSON"},
		{name: "key not a string", body: `{1:1}`, err: "not valid JSON"},
		{name: "mismatched ends", body: `{"a":[}]`, err: "not valid JSON"},
		{name: "leading zero", body: `{"a":01}`, err: "not valid JSON"},
		{name: "bare minus", body: `{"a":-}`, err: "not valid JSON"},
		{name: "control character", body: "{\"a\":\"\n\"}", err: "not valid JSON"},
		{name: "bad escape", body: `{"a":"\x"}`, err: "not valid JSON"},
		{name: "bad unicode escape", body: `{"a":"\ud800\uZZZZ"}`, err: "not valid JSON"},
		bad("list not an array", `,"attributes":{}`, at+"attributes: wrong JSON type"),
		bad("message not an object", `,"status":"x"`, at+"status: wrong JSON type"),
		bad("id not a string", `,"parentSpanId":1`, at+"parentSpanId: wrong JSON type"),
		bad("name not a string", `,"name":{}`, at+"name: wrong JSON type"),
		bad("unknown enum name", `,"kind":"CLIENT"`, at+"kind: not a name or number of this enum"),
		bad("negative time", `,"startTimeUnixNano":-1`, at+"startTimeUnixNano: not an integer in range"),
		bad("fraction", `,"endTimeUnixNano":1.5`, at+"endTimeUnixNano: not an integer in range"),
		bad("huge exponent", `,"endTimeUnixNano":1e9223372036854775807`, at+"endTimeUnixNano: not an integer in range"),
		bad("count beyond 32 bits", `,"droppedLinksCount":4294967296`, at+"droppedLinksCount: not an integer in range"),
		bad("double out of range", `,"attributes":[{"value":{"doubleValue":1e999}}]`, at+"attributes.value.doubleValue: not a number in range"),
		bad("bytes not base64", `,"attributes":[{"value":{"bytesValue":"%%"}}]`, at+"attributes.value.bytesValue: not base64"),
		bad("bool as string", `,"attributes":[{"value":{"boolValue":"true"}}]`, at+"attributes.value.boolValue: wrong JSON type"),
	}
}

func TestFromJSON(t *testing.T) {
	t.Parallel()
	for _, c := range jsonCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := FromJSON([]byte("dst"), []byte(c.body))
			if c.err != "" {
				var e *JSONError
				if !errors.As(err, &e) || !strings.HasSuffix(err.Error(), ": "+c.err) {
					t.Fatalf("got %v, want %s", err, c.err)
				}
				if e.Offset > len(c.body) || string(got) != "dst" {
					t.Errorf("offset %d of %d, dst %q", e.Offset, len(c.body), got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := "dst" + c.want; string(got) != want {
				t.Errorf("got\n%q, want\n%q", got, want)
			}
		})
	}
}

func TestFromJSONReadsWhatPdataWrites(t *testing.T) {
	t.Parallel()
	for _, td := range []ptraceotlp.ExportRequest{
		ptraceotlp.NewExportRequestFromTraces(everyField()), ptraceotlp.NewExportRequestFromTraces(genAITraces(50)),
	} {
		text, err := td.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		body, err := FromJSON(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		var d Decoder
		if diff := cmp.Diff(pdataSpans(td.Traces()), ourSpans(decode(t, &d, body))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFromJSONBoundsDepth(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	for name, body := range map[string]string{
		"known":   jsonSpan(`"attributes":[{"value":` + strings.Repeat(`{"arrayValue":{"values":[`, n)),
		"unknown": `{"x":` + strings.Repeat("[", n),
		"objects": strings.Repeat(`{"x":`, n),
	} {
		var e *JSONError
		if _, err := FromJSON(nil, []byte(body)); !errors.As(err, &e) || e.Reason != "nested too deep" {
			t.Errorf("%s: %v", name, err)
		} else if len(e.Error()) > 300 {
			t.Errorf("%s: an error of %d bytes", name, len(e.Error()))
		}
	}
	deep := jsonSpan(jsonIDs + `,"attributes":[{"key":"k","value":` +
		strings.Repeat(`{"arrayValue":{"values":[`, 100) + strings.Repeat(`]}}`, 100) + `}]`)
	body, err := FromJSON(nil, []byte(deep))
	if err != nil {
		t.Fatal(err)
	}
	var d Decoder
	if s := decode(t, &d, body)[0]; s.Mended == 0 {
		t.Error("a deep value is not flagged")
	}
}

func TestErrorsNeverEchoContent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"SECRET":SECRET}`, jsonSpan(`"kind":"SECRET"`), jsonSpan(`"SECRET":{"a":[SECRET]}`), jsonSpan(`"startTimeUnixNano":"SECRET"`),
	} {
		if _, err := FromJSON(nil, []byte(body)); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v", err)
		}
	}
}

func TestResponses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rejected int64
		message  string
	}{{}, {3, ""}, {0, "turn OTEL_METRICS_EXPORTER off"}, {1 << 40, "bad \xff \"ids\""}} {
		wire := AppendResponse(nil, c.rejected, c.message)
		for signal, m := range []proto.Message{
			&coltracepb.ExportTraceServiceResponse{}, &colmetricspb.ExportMetricsServiceResponse{}, &collogspb.ExportLogsServiceResponse{},
		} {
			if err := proto.Unmarshal(wire, m); err != nil {
				t.Fatal(err)
			}
			again := m.ProtoReflect().New().Interface()
			text := AppendResponseJSON(nil, Signal(signal), c.rejected, c.message)
			if err := protojson.Unmarshal(text, again); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !proto.Equal(m, again) {
				t.Errorf("protobuf says %v, JSON %v", m, again)
			}
			if want := c.rejected != 0 || c.message != ""; want != (fmt.Sprint(m) != "") {
				t.Errorf("partial success of %+v is %v", c, m)
			}
		}
	}
	var st, again rpcstatus.Status
	if err := proto.Unmarshal(AppendStatus(nil, 3, "no\xff"), &st); err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(AppendStatusJSON(nil, 3, "no\xff"), &again); err != nil {
		t.Fatal(err)
	}
	if st.Code != 3 || st.Message != "no\uFFFD" || !proto.Equal(&st, &again) {
		t.Errorf("%v, %v", &st, &again)
	}
	if got := AppendResponseJSON(nil, Traces, 2, ""); !bytes.Equal(got, []byte(`{"partialSuccess":{"rejectedSpans":"2"}}`)) {
		t.Errorf("%s", got)
	}
}
