package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// maxPeakMiB is what each process may use at most while somebody is hostile to
// it. The gateway may hold 64 MiB of bodies and 64 MiB on their way to Kafka, and
// its container in deploy/ ends at 256.
var maxPeakMiB = map[string]int{"spanmill": 300, "ingest-gateway": 200, "writer": 400}

// oddSpan makes a well-formed span of its own trace; change makes it odd.
func oddSpan(name string, change func(*tracepb.Span)) *tracepb.Span {
	now := uint64(time.Now().UnixNano())
	s := &tracepb.Span{
		TraceId: randomID(16), SpanId: randomID(8), Name: name,
		StartTimeUnixNano: now, EndTimeUnixNano: now + 1000,
	}
	if change != nil {
		change(s)
	}
	return s
}

// requestOf puts spans into one request of a service.
func requestOf(service string, spans ...*tracepb.Span) *collectorpb.ExportTraceServiceRequest {
	r := newTrace(service, 0)
	r.ResourceSpans[0].ScopeSpans[0].Spans = spans
	return r
}

func textAttr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// fence returns when everything that was acked before is in the table:
// partitions are written in order, and it sends something to each.
func fence(t *testing.T, up *harness.Instance) {
	t.Helper()
	const traces = 64
	spans := make([]*tracepb.Span, traces)
	for i := range spans {
		spans[i] = oddSpan("fence", nil)
	}
	service := fmt.Sprintf("fence-%x", randomID(8))
	send(t, up, requestOf(service, spans...))
	awaitCount(t, up, service, traces)
	harness.Eventually(t, func() error { // trace_parts is written after spans
		got, err := up.TrySQL(t, "SELECT sum(spans) FROM trace_parts WHERE service_name = '"+service+"'")
		if err == nil && got != strconv.Itoa(traces) {
			err = &countError{got, strconv.Itoa(traces)}
		}
		return err
	})
}

// landed compares the names of a service's spans, sorted, with those wanted.
func landed(t *testing.T, up *harness.Instance, service string, want ...string) {
	t.Helper()
	got := up.SQL(t, "SELECT arrayStringConcat(arraySort(groupArray(name)), ',') FROM spans WHERE service_name = '"+service+"'")
	if got != strings.Join(want, ",") {
		t.Errorf("%s: the table has %q, want %q", service, got, strings.Join(want, ","))
	}
}

// sameAnswer compares exactly.
func sameAnswer(t testing.TB, got, want doorAnswer) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("answer (-want +got):\n%s", d)
	}
}

// sameSQL wants an exact answer, at once.
func sameSQL(t *testing.T, up *harness.Instance, query, want string) {
	t.Helper()
	if got := up.SQL(t, query); got != want {
		t.Errorf("%s\nanswered %q\nwant     %q", query, got, want)
	}
}

// boundedPeak fails when a process needed more than it may since ResetPeak.
func boundedPeak(t *testing.T, up *harness.Instance) {
	t.Helper()
	for _, process := range up.Processes {
		peak, bound := process.PeakKiB(t)>>10, maxPeakMiB[process.Name]
		t.Logf("peak memory of %s: %d MiB", process.Name, peak)
		if peak > bound {
			t.Errorf("%s needed %d MiB, the bound is %d", process.Name, peak, bound)
		}
	}
}

// getPage reads a page over HTTP.
func getPage(t testing.TB, url string) (status int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// metricOf sums a metric, of all processes, over those of its series whose line
// has all parts.
func metricOf(t testing.TB, up *harness.Instance, name string, parts ...string) float64 {
	t.Helper()
	sum := 0.0
series:
	for line := range strings.Lines(up.Metrics(t)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, p := range parts {
			if !strings.Contains(series, p) {
				continue series
			}
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// awaitMetric waits until a metric is as check wants it.
func awaitMetric(t *testing.T, up *harness.Instance, name string, check func(float64) bool) {
	t.Helper()
	harness.Eventually(t, func() error {
		if v := metricOf(t, up, name); !check(v) {
			return fmt.Errorf("%s is %v", name, v)
		}
		return nil
	})
}

func isZero(v float64) bool { return v == 0 }

const inflight = "spanmill_gateway_inflight_bytes"

// halfSend opens a connection that promises a body and sends only a part.
func halfSend(t *testing.T, up *harness.Instance, promised, sent int) net.Conn {
	t.Helper()
	conn := rawDial(t, up.OTLPHTTP)
	head := fmt.Sprintf("POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", typeProtobuf, promised)
	if _, err := conn.Write(append([]byte(head), make([]byte, sent)...)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// rawDial opens a connection that the test's end closes.
func rawDial(t *testing.T, addr string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// rawAnswer reads the answer that comes on a connection.
func rawAnswer(t *testing.T, conn net.Conn) doorAnswer {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("no answer: %v", err)
		return doorAnswer{}
	}
	defer response.Body.Close()
	return readAnswer(t, response, typeProtobuf)
}
