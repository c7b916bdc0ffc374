package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

const maxBody = 32 * mib

var tooLarge = doorAnswer{
	HTTP: http.StatusRequestEntityTooLarge, Code: codes.ResourceExhausted,
	Message: "the request is larger than 33554432 bytes: send smaller batches",
}

// oddCase is a request, the exact answer to it at every door, and the spans
// that stand in the table afterwards.
type oddCase struct {
	name  string
	spans []*tracepb.Span
	// Instead of spans: raw for the protobuf doors, json for the other. A door
	// whose bytes are nil is left out.
	raw, json []byte
	want      doorAnswer
	landed    []string
}

func malformedAnswer(what string) doorAnswer {
	return doorAnswer{HTTP: http.StatusBadRequest, Code: codes.InvalidArgument, Message: "not an OTLP trace request: " + what}
}

func partialAnswer(rejected int64, what string) doorAnswer {
	return doorAnswer{HTTP: http.StatusOK, Rejected: rejected, Message: "rejected spans: " + what}
}

// unknownField is a request of n bytes that says nothing: one field that OTLP
// does not know.
func unknownField(n int) []byte {
	b := make([]byte, n)
	rest := n - 5 // a tag and a length of four bytes
	copy(b, []byte{15<<3 | 2, byte(rest) | 0x80, byte(rest>>7) | 0x80, byte(rest>>14) | 0x80, byte(rest >> 21)})
	return b
}

func requestCases() []oddCase {
	good := func(name string) *tracepb.Span { return oddSpan(name, nil) }
	whole := doorAnswer{HTTP: http.StatusOK}
	return []oddCase{
		{name: "good", spans: []*tracepb.Span{good("a"), good("b")}, want: whole, landed: []string{"a", "b"}},
		{name: "empty", raw: []byte{}, json: []byte{}, want: whole},
		{name: "empty object", json: []byte("{}"), want: whole},
		{name: "no spans", spans: []*tracepb.Span{}, want: whole},
		{name: "exactly 32 MiB", raw: unknownField(maxBody), json: append(bytes.Repeat([]byte{' '}, maxBody-2), "{}"...), want: whole},
		{name: "above 32 MiB", raw: unknownField(maxBody + 1), json: bytes.Repeat([]byte{' '}, maxBody+1), want: tooLarge},
		{name: "length past the end", raw: []byte{0x0a, 0x05, 0x12}, want: malformedAnswer("byte 1: length goes past the end")},
		{name: "cut within a tag", raw: []byte{0x0a, 0x01, 0x92}, want: malformedAnswer("byte 2: varint is truncated")},
		{name: "wrong wire type", raw: []byte{0x0a, 0x02, 0x10, 0x01}, want: malformedAnswer("byte 2: wrong wire type for field scopeSpans")},
		{name: "a group", raw: []byte{0x0a, 0x02, 0x7b, 0x7c}, want: malformedAnswer("byte 2: wire type is a group or undefined")},
		{name: "broken JSON", json: []byte(`{"resourceSpans": secret}`), want: malformedAnswer("byte 18: not valid JSON")},
		{name: "wrong JSON type", json: []byte(`{"resourceSpans":[{"scopeSpans":7}]}`), want: malformedAnswer("byte 33: resourceSpans.scopeSpans: wrong JSON type")},
		{name: "JSON cut off", json: []byte(`{"resourceSpans":[`), want: malformedAnswer("byte 18: resourceSpans: not valid JSON")},
	}
}

func idCases() []oddCase {
	good := func(name string) *tracepb.Span { return oddSpan(name, nil) }
	trace := func(id []byte) *tracepb.Span { return oddSpan("bad", func(s *tracepb.Span) { s.TraceId = id }) }
	span := func(id []byte) *tracepb.Span { return oddSpan("bad", func(s *tracepb.Span) { s.SpanId = id }) }
	parent := func(name string, id []byte) *tracepb.Span {
		return oddSpan(name, func(s *tracepb.Span) { s.ParentSpanId = id })
	}
	around := func(odd ...*tracepb.Span) []*tracepb.Span {
		return append(append([]*tracepb.Span{good("a")}, odd...), good("b"))
	}
	both := []string{"a", "b"}
	return []oddCase{
		{name: "no trace id", spans: around(trace(nil)), want: partialAnswer(1, "invalid_trace_id 1"), landed: both},
		{name: "trace id of 15 bytes", spans: around(trace(randomID(15))), want: partialAnswer(1, "invalid_trace_id 1"), landed: both},
		{name: "trace id of 17 bytes", spans: around(trace(randomID(17))), want: partialAnswer(1, "invalid_trace_id 1"), landed: both},
		{name: "zero trace id", spans: around(trace(make([]byte, 16))), want: partialAnswer(1, "invalid_trace_id 1"), landed: both},
		{name: "no span id", spans: around(span(nil)), want: partialAnswer(1, "invalid_span_id 1"), landed: both},
		{name: "span id of 7 bytes", spans: around(span(randomID(7))), want: partialAnswer(1, "invalid_span_id 1"), landed: both},
		{name: "span id of 16 bytes", spans: around(span(randomID(16))), want: partialAnswer(1, "invalid_span_id 1"), landed: both},
		{name: "zero span id", spans: around(span(make([]byte, 8))), want: partialAnswer(1, "invalid_span_id 1"), landed: both},
		{name: "parent id of 9 bytes", spans: around(parent("bad", randomID(9))), want: partialAnswer(1, "invalid_parent_span_id 1"), landed: both},
		{
			name:   "several kinds",
			spans:  around(span(nil), trace(nil), span(randomID(3)), parent("bad", randomID(1)), trace(randomID(8))),
			want:   partialAnswer(5, "invalid_trace_id 2, invalid_span_id 2, invalid_parent_span_id 1"),
			landed: both,
		},
		{
			name: "zero parent is a root", spans: []*tracepb.Span{parent("root", make([]byte, 8)), parent("child", randomID(8))},
			want: doorAnswer{HTTP: http.StatusOK}, landed: []string{"child", "root"},
		},
		{
			name: "ids that are not hexadecimal",
			json: []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz","spanId":"zz"}]}]}]}`),
			want: partialAnswer(1, "invalid_trace_id 1"),
		},
	}
}

// testHostileRequests sends each odd request through each door: the answer is
// exact, and the table has what the answer said, no more and no less.
func testHostileRequests(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	type outcome struct {
		service string
		landed  []string
	}
	var outcomes []outcome
	for i, c := range append(requestCases(), idCases()...) {
		for j, d := range doors() {
			service := fmt.Sprintf("odd-%d-%d", i, j)
			body := c.raw
			switch {
			case c.spans != nil:
				body = d.encode(t, requestOf(service, c.spans...))
			case d.json:
				body = c.json
			}
			if body == nil {
				continue
			}
			t.Run(c.name+"/"+d.name, func(t *testing.T) { sameAnswer(t, d.send(t, up, doorCall{body: body}), d.at(c.want)) })
			outcomes = append(outcomes, outcome{service, c.landed})
			for _, s := range c.spans {
				if len(s.GetTraceId()) == 16 && !bytes.Equal(s.GetTraceId(), make([]byte, 16)) {
					copy(s.TraceId, randomID(16)) // the next door sends spans, not resends
				}
			}
		}
	}
	fence(t, up)
	total := 0
	for _, o := range outcomes {
		total += len(o.landed)
		landed(t, up, o.service, o.landed...)
	}
	sameSQL(t, up, "SELECT count() FROM spans WHERE name != 'fence'", fmt.Sprint(total))
	sameSQL(t, up, "SELECT count() FROM trace_parts WHERE service_name LIKE 'odd%' AND has_root AND root_name = 'root'", fmt.Sprint(len(doors())))
	sameSQL(t, up, "SELECT parent_span_id, is_root, count() FROM spans WHERE name = 'root' GROUP BY ALL", fmt.Sprintf("\ttrue\t%d", len(doors())))
	sameSQL(t, up, "SELECT length(parent_span_id), is_root, count() FROM spans WHERE name = 'child' GROUP BY ALL", fmt.Sprintf("16\tfalse\t%d", len(doors())))
	if strings.Contains(up.Log(), "secret") {
		t.Error("a broken body's content is in the log")
	}
}

// testHostileContent is what bodies may be called and how they may be packed.
func testHostileContent(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	http1, grpc := doors()[0], doors()[2]
	contentType := doorAnswer{
		HTTP: http.StatusUnsupportedMediaType, Code: codes.InvalidArgument,
		Message: "the content type must be application/x-protobuf or application/json",
	}
	contentEncoding := doorAnswer{
		HTTP: http.StatusUnsupportedMediaType, Code: codes.Unimplemented,
		Message: "the content encoding must be gzip, zstd, deflate or identity",
	}
	body := func() []byte { return http1.encode(t, requestOf("refused", oddSpan("refused", nil))) }
	for _, typ := range []string{"text/plain", "application/xml", "a/b/c", "application/x-protobuf; broken==="} {
		sameAnswer(t, http1.send(t, up, doorCall{body: body(), typ: typ}), contentType)
	}
	for _, name := range []string{"rot13", "br", "gzip, gzip"} {
		sameAnswer(t, http1.send(t, up, doorCall{body: body(), encoding: name}), contentEncoding)
	}
	got := grpc.send(t, up, doorCall{body: body(), encoding: "rot13"})
	if got.Code != codes.Unimplemented || got.Retry != 0 {
		t.Errorf("gRPC with an unknown encoding: %+v", got)
	}
	for _, d := range doors()[:2] {
		sameAnswer(t, d.send(t, up, doorCall{body: unknownField(maxBody + 1), chunked: true}), tooLarge)
	}
	sent := 0
	for _, d := range doors() {
		for _, name := range []string{"", "gzip", "zstd", "deflate"} {
			packed := d.encode(t, requestOf("packed", oddSpan("packed", nil)))
			sameAnswer(t, d.send(t, up, doorCall{body: packed, encoding: name}), d.ok())
			sent++
		}
	}
	for _, name := range []string{"gzip", "zstd", "deflate"} {
		whole := compressed(t, name, body(), 1)
		for _, broken := range [][]byte{whole[:len(whole)/2], append([]byte("??"), whole...)} {
			a := sendPacked(t, up, name, broken)
			if a.HTTP != http.StatusBadRequest || a.Code != codes.InvalidArgument || !strings.HasPrefix(a.Message, "the "+name+" body is ") {
				t.Errorf("broken %s: %+v", name, a)
			}
		}
	}
	fence(t, up)
	sameSQL(t, up, "SELECT service_name, count() FROM spans WHERE name != 'fence' GROUP BY ALL", fmt.Sprintf("packed\t%d", sent))
}

// sendPacked sends bytes that are said to be in an encoding.
func sendPacked(t *testing.T, up *harness.Instance, name string, body []byte) doorAnswer {
	t.Helper()
	conn := rawDial(t, up.OTLPHTTP)
	head := fmt.Sprintf("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n",
		typeProtobuf, name, len(body))
	if _, err := conn.Write(append([]byte(head), body...)); err != nil {
		t.Fatal(err)
	}
	return rawAnswer(t, conn)
}

// testHostileBombs: a small body that inflates to half a gigabyte is refused at
// the bound, and costs no more memory than the bound.
func testHostileBombs(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	up.ResetPeak(t)
	zeros := make([]byte, mib)
	for _, d := range doors() {
		for _, name := range []string{"gzip", "zstd", "deflate"} {
			t.Run(d.name+"/"+name, func(t *testing.T) {
				sameAnswer(t, d.send(t, up, doorCall{body: zeros, repeat: 512, encoding: name}), d.at(tooLarge))
				boundedPeak(t, up)
			})
		}
	}
	refused := metricOf(t, up, "spanmill_gateway_requests_refused_total", `reason="body_too_large"`)
	if inflated := metricOf(t, up, "spanmill_gateway_inflated_bytes_total"); refused != 9 || inflated > refused*(maxBody+1) {
		t.Errorf("%v requests were refused, %v bytes inflated", refused, inflated)
	}
	for _, d := range doors() { // and it goes on
		sameAnswer(t, d.export(t, up, requestOf("after", oddSpan("after", nil))), d.ok())
	}
	awaitCount(t, up, "after", len(doors()))
	awaitMetric(t, up, inflight, isZero)
}
