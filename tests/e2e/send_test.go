package e2e_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// newTrace makes a request of one trace: a root and its children.
func newTrace(service string, spans int) *collectorpb.ExportTraceServiceRequest {
	traceID, rootID := randomID(16), randomID(8)
	now := uint64(time.Now().UnixNano())
	list := make([]*tracepb.Span, spans)
	for i := range list {
		s := &tracepb.Span{
			TraceId: traceID, SpanId: randomID(8), ParentSpanId: rootID,
			Name: fmt.Sprintf("step %d", i), StartTimeUnixNano: now, EndTimeUnixNano: now + uint64(i),
		}
		if i == 0 {
			s.SpanId, s.ParentSpanId = rootID, nil
		}
		list[i] = s
	}
	return &collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{
			Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: service}},
		}}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: list}},
	}}}
}

func randomID(n int) []byte {
	id := make([]byte, n)
	_, _ = rand.Read(id) // never fails
	return id
}

// send posts a request and wants it acked.
func send(t *testing.T, up *harness.Instance, request *collectorpb.ExportTraceServiceRequest) {
	t.Helper()
	if err := trySend(t, up, request); err != nil {
		t.Fatal(err)
	}
}

// trySend gives nil when the request was acked. Any error means that it may
// have landed or not: send it again.
func trySend(t *testing.T, up *harness.Instance, request *collectorpb.ExportTraceServiceRequest) error {
	t.Helper()
	body, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+up.OTLPHTTP+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/x-protobuf")
	post.Close = true // the next start has another port
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
