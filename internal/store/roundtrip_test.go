package store

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

func value(t schema.ValueType, num uint64, str string) schema.Value {
	return schema.Value{Type: t, Num: num, Str: str}
}

// insert stores a block and fails the test if the server does not take it.
func (b *bundle) insert(t testing.TB, block *SpanBlock, token string) {
	t.Helper()
	if err := b.Spans().Insert(t.Context(), block, token, time.Now().Add(time.Minute), nil); err != nil {
		t.Fatal(err)
	}
}

// fullRow sets every field to something of its own, so that a swapped pair of
// columns shows.
func fullRow() *schema.SpanRow {
	str := func(k, v string) schema.Attr { return schema.Attr{Key: k, Value: value(schema.ValueString, 0, v)} }
	span := &schema.Span{
		Resource: &schema.Resource{Attrs: []schema.Attr{str("service.name", "svc"), {Key: "n", Value: value(schema.ValueInt, 1, "")}}, DroppedAttrs: 11, SchemaURL: "res-url"},
		Scope:    &schema.Scope{Name: "lib", Version: "1.2", Attrs: []schema.Attr{{Key: "d", Value: value(schema.ValueDouble, math.Float64bits(1), "")}}, DroppedAttrs: 12, SchemaURL: "scope-url"},
		TraceID:  schema.TraceID{0xab, 15: 0x01}, SpanID: schema.SpanID{0xcd, 7: 0x02}, ParentSpanID: schema.SpanID{0xef, 7: 0x03},
		TraceState: "a=b", Flags: 257, Name: "name", Kind: 3, StartUnixNano: testStart + 5, EndUnixNano: testStart + 105,
		StatusCode: 2, StatusMessage: "boom", DroppedAttrs: 13, DroppedEvents: 14, DroppedLinks: 15, Index: 7, Mended: schema.FlagInvalidUTF8,
		Attrs: []schema.Attr{
			str("in", "the input"),
			{Key: "out", Value: value(schema.ValueArray, 0, "")},
			str("s", "text"), str("empty", ""), str("quote", "it's\ta \\ line\n"),
			{Key: "i", Value: value(schema.ValueInt, math.MaxUint64, "")}, // -1
			{Key: "i2", Value: value(schema.ValueInt, 1<<63, "")},
			{Key: "f", Value: value(schema.ValueDouble, math.Float64bits(1), "")},
			{Key: "nan", Value: value(schema.ValueDouble, math.Float64bits(math.NaN()), "")},
			{Key: "b1", Value: value(schema.ValueBool, 1, "")},
			{Key: "b0", Value: value(schema.ValueBool, 0, "")},
			{Key: "bytes", Value: value(schema.ValueBytes, 0, "\x00\xff")},
			{Key: "raw", Value: value(schema.ValueRaw, 0, "\x0a\x00")},
			{Key: "none", Value: value(schema.ValueEmpty, 0, "")},
			{Key: "list", Value: value(schema.ValueArray, 0, "\x0a\x02\x18\x01")}, // [1]
		},
		Events: []schema.SpanEvent{
			{TimeUnixNano: math.MaxUint64, Name: "ev", Attrs: []schema.Attr{str("k", "v")}, DroppedAttrs: 16}, {Name: "ev2"},
		},
		Links: []schema.Link{{TraceID: "\x01\x02", SpanID: "\x03", TraceState: "c=d", Attrs: []schema.Attr{str("l", "m")}, DroppedAttrs: 17, Flags: 18}},
	}
	n := func(v uint64) schema.Count { return schema.Count{N: v, Set: true} }
	return &schema.SpanRow{
		Span: span, Tenant: "ten", ExperimentID: "exp", ReceivedMilli: 1795305600123, PartDay: testDay, RetentionDays: 31,
		Cost:      schema.Cost{Nano: 1_234_567_891, Source: schema.CostComputed, Computed: n(1_234_567_891), Input: 234_567_891, Reported: n(1), Itemised: true, Version: "book@1"},
		TimeFlags: schema.TimeMissing, Log: testLog, Partition: 4, Offset: 1 << 40, Origin: "spans/1/2/3",
		GenAI: &schema.GenAI{
			Kind: "LLM", Operation: "op", Provider: "prov", Model: "mod", RequestModel: "req", ResponseModel: "resp",
			InputTokens: n(1), OutputTokens: n(2), TotalTokens: n(3), CacheReadTokens: n(4), CacheWriteTokens: n(5), ReasoningTokens: n(math.MaxUint64),
			Billable: true, SessionID: "sess", UserID: "user", ExperimentID: "exp", ServiceName: "svc", Environment: "env",
			AgentName: "agent", ToolName: "tool", ErrorType: "err", Input: "the input", Output: "the output", InputAttr: 0, OutputAttr: 1,
			InputKey: "in", OutputKey: "out", Family: "fam",
			CacheWrite1hTokens: n(6), AudioInputTokens: n(7), AudioOutputTokens: n(8), UsageFlags: schema.UsageReasoningAdded,
			ContentFlags: schema.ContentTruncated | schema.ContentFolded, ServiceTier: "flex", Batch: true, Stream: true, TTFTNs: n(9),
			FinishReasons: []string{"stop", "length"}, ResponseID: "rid", ResponseStatus: "completed",
			Request: schema.Request{
				Temperature: schema.Real{V: 0.25, Set: true}, TopP: schema.Real{V: -1, Set: true}, MaxTokens: n(10), ChoiceCount: n(11),
				ReasoningLevel: "high", OutputType: "json",
			},
			Release: "rel", AppVersion: "appv", TraceName: "tname", Level: "WARNING", Tags: []string{"a", "b=c"}, DisplayName: "disp",
			AgentID: "aid", AgentVersion: "aver", WorkflowName: "wf", ToolCallID: "tcid", ToolType: "ttype",
			PromptName: "pname", PromptVersion: "pver", DataSourceID: "ds", ServerAddress: "srv", ProviderInferred: true,
			Eval: true, Weight: 4_000_000,
		},
	}
}

// TestEveryColumnSurvives compares one row, column by column, with what was
// appended.
func testEveryColumnSurvives(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	block.one(fullRow())
	b.insert(t, block, "t")
	want := strings.Split(strings.TrimSpace(fullRowText), "\n")
	if len(want) != len(block.list) {
		t.Fatalf("%d columns expected, the block has %d", len(want), len(block.list))
	}
	for i, line := range want {
		name, value, _ := strings.Cut(line, " ")
		if name != block.list[i].name {
			t.Fatalf("column %d is %s, expected %s", i, block.list[i].name, name)
		}
		if got := b.query(t, fmt.Sprintf("SELECT %s FROM spans FORMAT TSV", name)); got != value {
			t.Errorf("%s: got %s want %s", name, got, value)
		}
	}
	b.expect(t, "00FF\t0A00", "SELECT hex(attr_bytes['bytes']), hex(attr_bytes['raw']) FROM spans")
	b.expect(t, "Float64\t1\t1", "SELECT toTypeName(attr_double['f']), attr_double['f'], mapContains(attr_bool, 'b0') FROM spans")
}

const fullRowText = `tenant ten
experiment_id exp
service_name svc
trace_id ab000000000000000000000000000001
span_id cd00000000000002
parent_span_id ef00000000000003
is_root false
name name
kind LLM
otel_kind CLIENT
status ERROR
status_message boom
start_time 2026-11-22 00:00:00.000000005
end_time 2026-11-22 00:00:00.000000105
duration_ns 100
start_unix_nano 1795305600000000005
end_unix_nano 1795305600000000105
time_flags 32
is_eval true
weight 4000000
operation op
provider prov
model mod
request_model req
response_model resp
input_tokens 1
output_tokens 2
total_tokens 3
cache_read_tokens 4
cache_write_tokens 5
reasoning_tokens 18446744073709551615
usage_billable true
cost 1.234567891
cost_source computed
cost_computed 1.234567891
cost_input 0.234567891
cost_reported 0.000000001
cost_itemised true
price_version book@1
session_id sess
user_id user
environment env
agent_name agent
tool_name tool
error_type err
semconv_family fam
input the input
input_key in
input_structured false
output the output
output_key out
output_structured true
attr_str {'s':'text','empty':'','quote':'it\'s\ta \\ line\n'}
attr_int {'i':-1,'i2':-9223372036854775808}
attr_double {'f':1,'nan':nan}
attr_bool {'b1':true,'b0':false}
attr_json {'none':'null','list':'[1]'}
attr_bytes {'bytes':'\0` + "\xff" + `','raw':'\n\0'}
dropped_attrs 13
dropped_events 14
dropped_links 15
resource_attrs {"service.name":"svc","n":1}
resource_dropped_attrs 11
resource_schema_url res-url
scope_name lib
scope_version 1.2
scope_attrs {"d":1.0}
scope_dropped_attrs 12
scope_schema_url scope-url
trace_state a=b
span_flags 257
events_time_unix_nano [18446744073709551615,0]
events_name ['ev','ev2']
events_attrs ['{"k":"v"}','{}']
events_dropped_attrs [16,0]
links_trace_id ['0102']
links_span_id ['03']
links_trace_state ['c=d']
links_attrs ['{"l":"m"}']
links_dropped_attrs [17]
links_flags [18]
mended 1
received_at 2026-11-22 00:00:00.123
part_day 2026-11-22
retention_days 31
src_log 000102030405060708090a0b0c0d0e0f/0
src_partition 4
src_offset 1099511627776
src_index 7
origin spans/1/2/3
cache_write_1h_tokens 6
audio_input_tokens 7
audio_output_tokens 8
usage_flags 2
content_flags 3
service_tier flex
is_batch true
is_stream true
ttft_ns 9
finish_reasons ['stop','length']
response_id rid
response_status completed
temperature 0.25
top_p -1
max_tokens 10
choice_count 11
reasoning_level high
output_type json
release rel
app_version appv
trace_name tname
level WARNING
tags ['a','b=c']
display_name disp
agent_id aid
agent_version aver
workflow_name wf
tool_call_id tcid
tool_type ttype
prompt_name pname
prompt_version pver
data_source_id ds
server_address srv
provider_inferred true`

// TestExtremesSurvive: values that have no place in the types, and sizes that
// have none in a buffer.
func testExtremesSurvive(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	empty := &schema.SpanRow{Span: &schema.Span{Resource: &schema.Resource{}, Scope: &schema.Scope{}}, GenAI: &schema.GenAI{InputAttr: -1, OutputAttr: -1}}
	empty.PartDay, empty.RetentionDays = testDay, 30
	block.one(empty)

	huge := fullRow()
	huge.Span.StartUnixNano, huge.Span.EndUnixNano = 9214646400000000000, math.MaxUint64 // 2262-01-01
	huge.Span.Name = "huge"
	huge.GenAI.Input = strings.Repeat("prompt ", 5<<20/7)
	huge.Span.Attrs[2].Value.Str = strings.Repeat("x", 5<<20)
	huge.Cost.Nano, huge.Cost.Computed.N = math.MaxUint64, math.MaxUint64
	huge.Span.Kind, huge.Span.StatusCode = 77, 77
	block.one(huge)

	odd := fullRow()
	odd.Span.Name, odd.Span.StartUnixNano, odd.Span.EndUnixNano = "reversed", math.MaxUint64, 0
	block.one(odd)
	b.insert(t, block, "t")
	if err := b.exec(t.Context(), "OPTIMIZE TABLE spans FINAL"); err != nil {
		t.Fatal(err)
	}
	b.expect(t, "3", "SELECT count() FROM spans")
	b.expect(t, "00000000000000000000000000000000\t0000000000000000\t\ttrue\t1970-01-01 00:00:00.000000000\t0\t\\N\tUNSPECIFIED\tUNSET\t{}\t{}",
		"SELECT trace_id, span_id, parent_span_id, is_root, start_time, duration_ns, input_tokens, otel_kind, status, attr_str, resource_attrs FROM spans WHERE name = '' FORMAT TSV")
	b.expect(t, fmt.Sprintf("2262-01-01 00:00:00.000000000\t2262-04-11 23:47:16.854775807\t9214646400000000000\t18446744073709551615\t9232097673709551615\t%d\t%d\t999999999.999999999\t77\tUNSET",
		len(huge.GenAI.Input), 5<<20),
		"SELECT start_time, end_time, start_unix_nano, end_unix_nano, duration_ns, length(input), length(attr_str['s']), cost, otel_kind, status FROM spans WHERE name = 'huge'")
	b.expect(t, "1", "SELECT count() FROM spans WHERE start_time > '2262-01-01 00:00:00' AND end_time < '1980-01-01 00:00:00' AND duration_ns = 0 AND name = 'reversed'")
	b.expect(t, "2", "SELECT count() FROM spans WHERE start_time >= '2262-01-01 00:00:00'")
}

// TestDictWidths: one, two and four bytes a key, and a dictionary that is
// thrown away.
func testDictWidths(t *testing.T, b *bundle) {
	block := NewSpanBlock()
	for i, words := range []int{1, 256, 257, 65_536, 66_000, 3} {
		block.Reset()
		c := newCorpus(2)
		c.words = []string{"w"}
		for n := range words {
			r := fullRow()
			r.Span.Name, r.Span.Index = fmt.Sprintf("name-%d", n), uint32(n)
			r.Tenant = fmt.Sprintf("t%d", i)
			block.one(r)
		}
		b.insert(t, block, fmt.Sprint(i))
		b.expect(t, fmt.Sprintf("%d\t%d\t0", words, words),
			fmt.Sprintf("SELECT count(), uniqExact(name), countIf(name != concat('name-', toString(src_index))) FROM spans WHERE tenant = 't%d'", i))
	}
}

// TestSharedContextsStayApart: neighbours share a resource only when they say
// so within one record.
func TestSharedContextsStayApart(t *testing.T) {
	t.Parallel()
	block := NewSpanBlock()
	row := fullRow()
	res := row.Span.Resource
	appendWith := func(offset int64, service string) {
		res.Attrs[0].Value.Str = service
		row.Offset = offset
		block.one(row)
	}
	appendWith(1, "a")
	appendWith(1, "a")
	appendWith(2, "b") // a decoder reuses the memory for the next record
	block.Reset()
	appendWith(2, "c")
	if got, want := string(block.resource.attrs.block.buf[1:]), `{"service.name":"c","n":1}`; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}
