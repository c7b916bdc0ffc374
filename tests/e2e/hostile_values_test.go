package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// longText is text of n bytes that hardly compresses.
func longText(seed uint64, n int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"
	random := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := 0; i < n; i += 10 {
		bits := random.Uint64()
		for j := i; j < min(i+10, n); j++ {
			b[j] = digits[bits&63]
			bits >>= 6
		}
	}
	return string(b)
}

// digest is the SHA-256 as ClickHouse's hex() writes it.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// testHostileSizes: long content is the product. It lands whole, hash for hash,
// up to the bound; above it only the one span is refused.
func testHostileSizes(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	blob, nearly, above := longText(1, 5_000_000), longText(2, 15*mib+9*mib/10), longText(3, 16*mib)
	for i, d := range doors() {
		text := func(name, key, value string) *tracepb.Span {
			return oddSpan(fmt.Sprint(name, i), func(s *tracepb.Span) { s.Attributes = append(s.Attributes, textAttr(key, value)) })
		}
		five := requestOf("sizes", text("five", "blob", blob), text("input", "gen_ai.input.messages", blob))
		sameAnswer(t, d.export(t, up, five), d.ok())
		sameAnswer(t, d.export(t, up, requestOf("sizes", text("nearly", "blob", nearly))), d.ok())
		mixed := requestOf("sizes", text("before", "k", "v"), text("above", "blob", above), text("after", "k", "v"))
		sameAnswer(t, d.export(t, up, mixed), d.at(partialAnswer(1, "span_too_large 1")))
	}
	fence(t, up)
	boundedPeak(t, up)
	n := fmt.Sprint(len(doors()))
	landed(t, up, "sizes", "after0", "after1", "after2", "before0", "before1", "before2", "five0", "five1", "five2",
		"input0", "input1", "input2", "nearly0", "nearly1", "nearly2")
	sameSQL(t, up, "SELECT length(attr_str['blob']), hex(SHA256(attr_str['blob'])), count() FROM spans WHERE name LIKE 'five%' GROUP BY ALL",
		"5000000\t"+digest(blob)+"\t"+n)
	sameSQL(t, up, "SELECT length(attr_str['blob']), hex(SHA256(attr_str['blob'])), count() FROM spans WHERE name LIKE 'nearly%' GROUP BY ALL",
		fmt.Sprint(len(nearly))+"\t"+digest(nearly)+"\t"+n)
	sameSQL(t, up, "SELECT input_key, hex(SHA256(input)), count() FROM spans WHERE name LIKE 'input%' GROUP BY ALL",
		"gen_ai.input.messages\t"+digest(blob)+"\t"+n)
}

// nestedValue is an AnyValue in wire form: n lists around a number.
func nestedValue(n int) []byte {
	v, _ := proto.Marshal(&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 7}})
	field := func(tag byte, of []byte) []byte {
		out := []byte{tag}
		for size := len(of); ; size >>= 7 {
			if size < 0x80 {
				return append(append(out, byte(size)), of...)
			}
			out = append(out, byte(size)|0x80)
		}
	}
	for range n {
		v = field(5<<3|2, field(1<<3|2, v)) // array_value of values
	}
	return v
}

// testHostileValues: what no column could hold as it is, is kept another way
// and flagged.
func testHostileValues(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	for i, d := range doors() {
		for _, depth := range []int{63, 64, 300, 5000} {
			if depth > 300 && d.json {
				continue // JSON itself may nest 1,000 deep
			}
			value := new(commonpb.AnyValue)
			if err := (proto.UnmarshalOptions{RecursionLimit: 100_000}).Unmarshal(nestedValue(depth), value); err != nil {
				t.Fatal(err)
			}
			deep := oddSpan(fmt.Sprintf("deep-%d-%d", depth, i), func(s *tracepb.Span) {
				s.Attributes = []*commonpb.KeyValue{{Key: "deep", Value: value}, textAttr("flat", "beside")}
			})
			sameAnswer(t, d.export(t, up, requestOf("values", deep)), d.ok())
		}
		mend := oddSpan(badUTF8, func(s *tracepb.Span) {
			s.Attributes = []*commonpb.KeyValue{textAttr("k"+badUTF8, "v"+badUTF8), {
				Key: "list", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{
					Values: []*commonpb.AnyValue{textAttr("", badUTF8).GetValue()},
				}}},
			}}
			s.Events = []*tracepb.Span_Event{{Name: "e" + badUTF8}}
			s.Status = &tracepb.Status{Message: "s" + badUTF8}
			s.TraceState = "t" + badUTF8
		})
		sameAnswer(t, d.export(t, up, requestOf("mended", mend)), d.ok())
		sameAnswer(t, d.export(t, up, requestOf("service "+badUTF8, oddSpan("s", nil))), d.ok())
	}
	fence(t, up)
	n := fmt.Sprint(len(doors()))
	for _, depth := range []int{64, 300, 5000} {
		count := n
		if depth > 300 {
			count = fmt.Sprint(len(doors()) - 1)
		}
		sameSQL(t, up, fmt.Sprintf("SELECT hex(attr_bytes['deep']), mended, attr_str['flat'], count() FROM spans WHERE name LIKE 'deep-%d-%%' GROUP BY ALL", depth),
			strings.ToUpper(hex.EncodeToString(nestedValue(depth)))+"\t2\tbeside\t"+count)
	}
	sameSQL(t, up, "SELECT attr_json['deep'], length(attr_bytes), mended, count() FROM spans WHERE name LIKE 'deep-63-%' GROUP BY ALL",
		strings.Repeat("[", 63)+"7"+strings.Repeat("]", 63)+"\t0\t0\t"+n)
	sameSQL(t, up, `SELECT name, attr_str['k'||name], attr_json['list'], events_name[1], status_message, trace_state, mended, count()
		FROM spans WHERE service_name = 'mended' GROUP BY ALL`,
		strings.NewReplacer("X", badUTF8Kept).Replace("X\tvX\t[\"X\"]\teX\tsX\ttX\t1\t")+n)
	sameSQL(t, up, "SELECT service_name, mended, count() FROM spans WHERE name = 's' GROUP BY ALL", "service "+badUTF8Kept+"\t1\t"+n)
	sameSQL(t, up, "SELECT count() FROM spans WHERE NOT isValidUTF8(name || service_name || toString(attr_str) || toString(attr_json) || toString(events_name))", "0")
}

// testHostileJSONDepth: nesting that JSON itself bounds is refused by the byte,
// however deep it is, and a request of brackets alone as well.
func testHostileJSONDepth(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	json := doors()[1]
	open, end := `{"arrayValue":{"values":[`, `]}}`
	for _, levels := range []int{400, 100_000} {
		body := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"` + strings.Repeat("ab", 16) + `","spanId":"` + strings.Repeat("cd", 8) +
			`","attributes":[{"key":"k","value":` + strings.Repeat(open, levels) + strings.Repeat(end, levels) + `}]}]}]}]}`
		a := json.send(t, up, doorCall{body: []byte(body)})
		if a.HTTP != http.StatusBadRequest || !strings.HasSuffix(a.Message, ": nested too deep") {
			t.Errorf("%d levels: %+v", levels, a)
		}
	}
	for _, one := range []string{"[", `{"a":`} {
		a := json.send(t, up, doorCall{body: bytes.Repeat([]byte(one), mib)})
		if a.HTTP != http.StatusBadRequest || !strings.Contains(a.Message, "byte ") {
			t.Errorf("a million of %q: %+v", one, a)
		}
	}
	boundedPeak(t, up)
}

// testHostileTrace sends one trace of 30,000 spans, as many requests and as
// one: all rows are there and memory stays flat.
func testHostileTrace(t *testing.T, p harness.Plant) {
	const spans, perRequest = 30_000, 500
	up := harness.Start(t, p, harness.Options{})
	filler := longText(4, 64<<10)
	list := func(trace []byte) []*tracepb.Span {
		all := make([]*tracepb.Span, spans)
		root := randomID(8)
		for i := range all {
			all[i] = oddSpan("step", func(s *tracepb.Span) {
				s.TraceId, s.ParentSpanId = trace, root
				s.Attributes = []*commonpb.KeyValue{textAttr("text", filler[i:i+600])}
			})
		}
		all[0].SpanId, all[0].ParentSpanId, all[0].Name = root, nil, "root"
		return all
	}
	d := doors()[0]
	up.ResetPeak(t)
	many := list(randomID(16))
	for i := 0; i < spans; i += perRequest {
		sameAnswer(t, d.export(t, up, requestOf("many", many[i:i+perRequest]...)), d.ok())
	}
	awaitCount(t, up, "many", spans)
	boundedPeak(t, up)
	up.ResetPeak(t)
	for _, d := range doors() {
		service := "one-" + strings.ReplaceAll(d.name, " ", "-")
		sameAnswer(t, d.export(t, up, requestOf(service, list(randomID(16))...)), d.ok())
		awaitCount(t, up, service, spans)
	}
	boundedPeak(t, up)
	fence(t, up) // so that trace_parts, which are written last, are there too
	sameSQL(t, up, "SELECT uniqExact(trace_id), uniqExact(src_partition, trace_id), countIf(is_root), sum(length(attr_str['text'])) FROM spans WHERE name != 'fence'",
		fmt.Sprintf("4\t4\t4\t%d", 4*spans*600))
	sameSQL(t, up, "SELECT sum(spans), countIf(has_root), uniqExact(trace_id) FROM trace_parts WHERE service_name NOT LIKE 'fence-%'", fmt.Sprintf("%d\t4\t4", 4*spans))
}
