package kafka_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// traces is an OTLP request of n spans, each a trace of its own.
func traces(t *testing.T, service string, n int) []byte {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	list := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range n {
		var traceID pcommon.TraceID
		var spanID pcommon.SpanID
		_, _ = rand.Read(traceID[:]) // never fails
		_, _ = rand.Read(spanID[:])
		s := list.AppendEmpty()
		s.SetTraceID(traceID)
		s.SetSpanID(spanID)
		s.SetName(fmt.Sprintf("span %d", i))
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		s.SetEndTimestamp(s.StartTimestamp() + 1)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// testForeignClient: kafka-go reads our topic and finds every span in it by a
// decoder that is not ours; and writes to it as a stranger, without headers and
// without a partition of its choice.
func testForeignClient(t *testing.T, s *system) {
	files, err := bus.TLSFiles{CA: s.Broker.CAFile}.Load()
	if err != nil {
		t.Fatal(err)
	}
	dialer := &kafkago.Dialer{
		Timeout: 10 * time.Second, TLS: files,
		SASLMechanism: plain.Mechanism{Username: kafka.User, Password: kafka.Password},
	}
	topic, err := dialer.LookupPartitions(t.Context(), "tcp", s.Broker.SASL, "spans")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[24]byte]int{}
	for _, p := range topic {
		readPartition(t, dialer, p, seen)
	}
	if len(seen) < spans || len(topic) != partitions {
		t.Errorf("kafka-go finds %d spans in %d partitions, want %d in %d", len(seen), len(topic), spans, partitions)
	}
	transport := &kafkago.Transport{TLS: files, SASL: dialer.SASLMechanism}
	defer transport.CloseIdleConnections()
	stranger := &kafkago.Writer{
		Addr: kafkago.TCP(s.Broker.SASL), Topic: "spans", Transport: transport,
		Balancer: &kafkago.RoundRobin{}, BatchTimeout: 10 * time.Millisecond, RequiredAcks: kafkago.RequireAll,
	}
	defer stranger.Close()
	writer := s.writer(t)
	for range 4 {
		if err := stranger.WriteMessages(t.Context(), kafkago.Message{Value: traces(t, "stranger", 25)}); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, func() error {
		if got := s.sql(t, "SELECT count(), uniqExact(trace_id), any(tenant) FROM spans WHERE service_name = 'stranger'"); got != "100\t100\tdefault" {
			return fmt.Errorf("the stranger's rows: %q", got)
		}
		return nil
	})
	terminate(t, writer)
}

// readPartition reads a partition from its beginning to its present end.
func readPartition(t *testing.T, dialer *kafkago.Dialer, p kafkago.Partition, seen map[[24]byte]int) {
	t.Helper()
	conn, err := dialer.DialPartition(t.Context(), "tcp", fmt.Sprintf("%s:%d", p.Leader.Host, p.Leader.Port), p)
	if err != nil {
		t.Fatal(err)
	}
	end, err := conn.ReadLastOffset()
	conn.Close()
	if err != nil {
		t.Fatal(err)
	}
	reader := kafkago.NewReader(kafkago.ReaderConfig{
		Brokers: []string{fmt.Sprintf("%s:%d", p.Leader.Host, p.Leader.Port)}, Topic: p.Topic, Partition: p.ID,
		Dialer: dialer, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond,
	})
	defer reader.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for next := int64(0); next < end; {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			t.Fatalf("partition %d, offset %d of %d: %v", p.ID, next, end, err)
		}
		next = m.Offset + 1
		request := ptraceotlp.NewExportRequest()
		if err := request.UnmarshalProto(m.Value); err != nil {
			t.Fatalf("partition %d, offset %d: %v", p.ID, m.Offset, err)
		}
		count(request.Traces(), seen)
	}
}

func count(td ptrace.Traces, seen map[[24]byte]int) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				var id [24]byte
				traceID, spanID := s.TraceID(), s.SpanID()
				copy(id[:], traceID[:])
				copy(id[16:], spanID[:])
				seen[id]++
			}
		}
	}
}
