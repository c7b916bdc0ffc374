package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/internal/auth"
)

func decodeHTTP(t testing.TB, resp *http.Response, contentType string) answer {
	t.Helper()
	body := readAll(t, resp.Body)
	want, isJSON := contentType, strings.HasPrefix(contentType, typeJSON)
	if !isJSON && contentType != typeProtobuf {
		want, isJSON = typeJSON, true // what we do not know is answered in JSON
	} else if isJSON {
		want = typeJSON
	}
	if got := resp.Header.Get("Content-Type"); got != want {
		t.Errorf("answer's content type %q, want %q", got, want)
	}
	a := answer{http: resp.StatusCode}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	switch {
	case resp.StatusCode == http.StatusOK && !isJSON:
		ok := decodeResponse(t, body)
		a.message, a.rejected = ok.message, ok.rejected
	case resp.StatusCode == http.StatusOK:
		var ok struct {
			PartialSuccess struct {
				RejectedSpans      int64  `json:"rejectedSpans,string"`
				RejectedLogRecords int64  `json:"rejectedLogRecords,string"`
				ErrorMessage       string `json:"errorMessage"`
			} `json:"partialSuccess"`
		}
		unmarshal(t, body, &ok)
		a.message, a.rejected = ok.PartialSuccess.ErrorMessage, ok.PartialSuccess.RejectedSpans+ok.PartialSuccess.RejectedLogRecords
	case !isJSON:
		st := new(spb.Status)
		if err := proto.Unmarshal(body, st); err != nil {
			t.Fatalf("not a google.rpc.Status: %v", err)
		}
		a.code, a.message = codes.Code(st.GetCode()), st.GetMessage()
	default:
		var st struct {
			Code    codes.Code `json:"code"`
			Message string     `json:"message"`
		}
		unmarshal(t, body, &st)
		a.code, a.message = st.Code, st.Message
	}
	return a
}

func unmarshal(t testing.TB, body []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
}

func decodeResponse(t testing.TB, body []byte) answer {
	t.Helper()
	ok := new(coltrace.ExportTraceServiceResponse)
	if err := proto.Unmarshal(body, ok); err != nil {
		t.Fatalf("not an ExportTraceServiceResponse: %v", err)
	}
	return answer{message: ok.GetPartialSuccess().GetErrorMessage(), rejected: ok.GetPartialSuccess().GetRejectedSpans()}
}

// expect is the exact answer, per door.
type expect struct {
	http     int
	code     codes.Code
	message  string
	rejected int64
	retry    time.Duration
}

func (e expect) check(t *testing.T, c client, got answer) {
	t.Helper()
	want := answer{http: e.http, code: e.code, message: e.message, rejected: e.rejected, retryAfter: e.retry}
	if c.name == "gRPC" {
		want.http = 0
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
}

// TestAnswers is what requests that arrive whole are answered, word by word.
func TestAnswers(t *testing.T) {
	t.Parallel()
	zeroTrace, zeroSpan := good("zero trace"), good("zero span")
	zeroTrace.trace, zeroSpan.id = "", ""
	large := good("large")
	large.text = 16*mib - 20 // with its ids, name and framing above 16 MiB
	largest := good("largest")
	largest.text = 16*mib - 200
	for _, tt := range []struct {
		name   string
		spans  []span
		raw    []byte // instead of spans, protobuf doors only
		json   string // instead of spans, JSON only; "-" is no bytes
		want   expect
		landed []string
	}{
		{name: "good", spans: []span{good("a"), good("b")}, want: expect{http: 200}, landed: []string{"a", "b"}},
		{name: "no bytes", raw: []byte{}, json: "-", want: expect{http: 200}},
		{name: "no spans", spans: []span{}, want: expect{http: 200}},
		{name: "empty object", json: "{}", want: expect{http: 200}},
		{
			name: "zero trace id", spans: []span{good("a"), zeroTrace, good("b")},
			want: expect{http: 200, rejected: 1, message: "rejected spans: invalid_trace_id 1"}, landed: []string{"a", "b"},
		},
		{
			name: "bad ids of several kinds", spans: []span{zeroTrace, zeroSpan, zeroSpan, good("a")},
			want:   expect{http: 200, rejected: 3, message: "rejected spans: invalid_trace_id 1, invalid_span_id 2"},
			landed: []string{"a"},
		},
		{
			name: "trace id of 3 bytes", raw: []byte("\n\r\x12\v\x12\t\n\x03abc\x12\x02ab"),
			json: `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"616263","spanId":"6162"}]}]}]}`,
			want: expect{http: 200, rejected: 1, message: "rejected spans: invalid_trace_id 1"},
		},
		{
			name: "span above 16 MiB", spans: []span{good("a"), large},
			want: expect{http: 200, rejected: 1, message: "rejected spans: span_too_large 1"}, landed: []string{"a"},
		},
		{name: "span just below 16 MiB", spans: []span{largest}, want: expect{http: 200}, landed: []string{"largest"}},
		{
			name: "broken framing", raw: []byte{0x0a, 0x05, 0x12},
			want: expect{
				http: 400, code: codes.InvalidArgument,
				message: "not an OTLP trace request: byte 1: length goes past the end",
			},
		},
		{
			name: "wrong wire type", raw: []byte{0x0a, 0x02, 0x10, 0x01},
			want: expect{
				http: 400, code: codes.InvalidArgument,
				message: "not an OTLP trace request: byte 2: wrong wire type for field scopeSpans",
			},
		},
		{
			name: "body above 32 MiB", raw: padded(32*mib + 1), json: strings.Repeat(" ", 32*mib+1),
			want: expect{
				http: 413, code: codes.ResourceExhausted,
				message: "the request is larger than 33554432 bytes: send smaller batches",
			},
		},
		{name: "body of exactly 32 MiB", raw: padded(32 * mib), json: strings.Repeat(" ", 32*mib-2) + "{}", want: expect{http: 200}},
	} {
		for _, c := range clients() {
			body := tt.raw
			switch {
			case tt.spans != nil:
				body = c.bodyFor(t, request(tt.spans...))
			case c.json:
				body = []byte(strings.TrimPrefix(tt.json, "-"))
			}
			if body == nil || c.json && tt.json == "" && tt.spans == nil {
				continue
			}
			t.Run(tt.name+"/"+c.name, func(t *testing.T) {
				b := setup(t)
				tt.want.check(t, c, c.send(t, b, body))
				if got := b.bus.spans(t); !slices.Equal(got, tt.landed) {
					t.Errorf("landed %q, want %q", got, tt.landed)
				}
				if got := b.metric(t, "spanmill_gateway_spans_accepted_total"); got != float64(len(tt.landed)) {
					t.Errorf("accepted %v, want %d", got, len(tt.landed))
				}
				if got := b.metric(t, "spanmill_gateway_spans_rejected_total"); got != float64(tt.want.rejected) {
					t.Errorf("rejected %v, want %d", got, tt.want.rejected)
				}
			})
		}
	}
}

// padded is a request of n bytes: one unknown field.
func padded(n int) []byte {
	b := make([]byte, n)
	copy(b, []byte{0x7a}) // field 15, length-delimited
	rest := n - 5         // tag and a length of four bytes
	for i := range 3 {
		b[1+i] = byte(rest>>(7*i)) | 0x80
	}
	b[4] = byte(rest >> 21)
	return b
}

func TestMalformedJSONNamesTheByte(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.post(t, "/v1/traces", typeJSON, []byte(`{"resourceSpans": secret}`))
	if got.http != http.StatusBadRequest || got.code != codes.InvalidArgument ||
		!strings.HasPrefix(got.message, "not an OTLP trace request: byte 18: ") || strings.Contains(got.message, "secret") {
		t.Errorf("answer %+v", got)
	}
	if got := b.metric(t, "spanmill_gateway_requests_refused_total", "reason=malformed"); got != 1 {
		t.Errorf("refused %v, want 1", got)
	}
}

func TestRecordHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range clients() {
		keys, writer, _ := withKeys(t)
		b := setup(t, keys)
		expect{http: 200}.check(t, c, c.send(t, b, c.bodyFor(t, request(good("a"))),
			"x-api-key", writer, "x-mlflow-experiment-id", "7"))
		r := b.bus.records[0]
		if r.Topic != "spans" || r.Header("tenant") != "acme" || r.Header("experiment") != "7" || r.Header("v") != "1" {
			t.Errorf("%s: record of topic %s with headers %s", c.name, r.Topic, r.Headers)
		}
		expect{http: 200}.check(t, c, c.send(t, b, c.bodyFor(t, request(good("b"))), "Authorization", "Bearer "+writer))
		if r := b.bus.records[1]; len(r.Headers) != 2 || r.Header("tenant") != "acme" {
			t.Errorf("%s: without an experiment, headers %s", c.name, r.Headers)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	keys, _, reader := withKeys(t)
	b := setup(t, keys)
	for _, c := range clients() {
		body := c.bodyFor(t, request(good("a")))
		missing := expect{http: 401, code: codes.Unauthenticated, message: auth.ErrMissing.Error()}
		unknown := expect{http: 401, code: codes.Unauthenticated, message: auth.ErrUnknown.Error()}
		forbidden := expect{
			http: 403, code: codes.PermissionDenied,
			message: "the API key may read only: use one with the right 'write'",
		}
		missing.check(t, c, c.send(t, b, body))
		unknown.check(t, c, c.send(t, b, body, "Authorization", "Bearer sm_guess"))
		forbidden.check(t, c, c.send(t, b, body, "x-api-key", reader))
	}
	if got := b.bus.spans(t); len(got) != 0 {
		t.Errorf("landed %q", got)
	}
	if got := b.metric(t, "spanmill_gateway_requests_refused_total", "reason=unauthenticated"); got != 6 {
		t.Errorf("refused %v, want 6", got)
	}
}

func TestBadExperiment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range clients() {
		expect{http: 400, code: codes.InvalidArgument, message: "the experiment id is longer than 256 bytes"}.check(t, c,
			c.send(t, b, c.bodyFor(t, request(good("a"))), "x-mlflow-experiment-id", strings.Repeat("7", 257)))
	}
}
