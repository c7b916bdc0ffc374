package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// partitions of topic spans in an instance that was told nothing else.
const partitions = 4

// write puts records straight into a partition, as any Kafka client may, and
// gives the offset of the first.
func write(t *testing.T, up *harness.Instance, partition int, records ...kafka.Message) int64 {
	t.Helper()
	conn, err := kafka.DialLeader(t.Context(), "tcp", up.Kafka, schema.TopicSpans, partition)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	first, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteMessages(records...); err != nil {
		t.Fatalf("write to spans/%d: %v", partition, err)
	}
	return first
}

// deadLetters reads topic dead-letters from its start until each origin has
// one.
func deadLetters(t *testing.T, up *harness.Instance, origins ...string) map[string]kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{up.Kafka}, Topic: schema.TopicDeadLetters, MaxBytes: 20 * mib, MaxWait: 100 * time.Millisecond})
	defer reader.Close()
	letters := make(map[string]kafka.Message)
	for len(letters) < len(origins) {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			t.Fatalf("%d of %d dead letters: %v", len(letters), len(origins), err)
		}
		if origin := headerOf(m, schema.HeaderOrigin); slices.Contains(origins, origin) {
			letters[origin] = m
		} else {
			t.Errorf("unexpected dead letter of %s", origin)
		}
	}
	return letters
}

func headerOf(m kafka.Message, key string) string {
	for _, h := range m.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// spanOf makes a span that belongs in a partition.
func spanOf(name string, partition int) *tracepb.Span {
	return oddSpan(name, func(s *tracepb.Span) {
		for schema.PartitionOf(schema.TraceID(s.GetTraceId()), partitions) != int32(partition) {
			s.TraceId = randomID(16)
		}
	})
}

func recordOf(t *testing.T, service string, spans ...*tracepb.Span) kafka.Message {
	t.Helper()
	value, err := proto.Marshal(requestOf(service, spans...))
	if err != nil {
		t.Fatal(err)
	}
	return kafka.Message{Value: value}
}

// testHostileRecords: strangers write to topic spans what they like. What can
// be read is taken, the rest becomes dead letters, and each partition flows on.
func testHostileRecords(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	send(t, up, newTrace("warm", 1)) // topics exist, the writer runs
	long := longText(5, 10*mib)
	type poison struct{ value, reason string }
	wanted := make(map[string]poison)
	for partition := range partitions {
		for _, c := range []poison{
			{"no protobuf at all", "undecodable"},
			{"\x0a\x05\x12", "undecodable"},
			{long, "undecodable"},
			{string(recordOf(t, "bad", oddSpan("bad", func(s *tracepb.Span) { s.SpanId = randomID(3) })).Value), "invalid_span"},
		} {
			if len(c.value) > mib && partition > 0 {
				continue
			}
			offset := write(t, up, partition, kafka.Message{
				Key: []byte("key"), Value: []byte(c.value), Headers: []kafka.Header{{Key: "mine", Value: []byte("yes")}, {Key: "tenant", Value: []byte("acme")}},
			})
			write(t, up, partition, recordOf(t, "flows-on", spanOf("good", partition)))
			index := -1
			if c.reason == "invalid_span" {
				index = 0
			}
			wanted[fmt.Sprintf("spans/%d/%d/%d", partition, offset, index)] = c
		}
	}
	letters := deadLetters(t, up, slices.Collect(maps.Keys(wanted))...)
	for origin, c := range wanted {
		letter := letters[origin]
		if string(letter.Value) != c.value || headerOf(letter, "reason") != c.reason || headerOf(letter, "error") == "" ||
			headerOf(letter, "mine") != "yes" || headerOf(letter, "tenant") != "acme" || headerOf(letter, "received") == "" {
			t.Errorf("%s: dead letter of %d bytes with headers %s", origin, len(letter.Value), letter.Headers)
		}
	}
	awaitCount(t, up, "flows-on", 3*partitions+1)
	sameSQL(t, up, "SELECT groupUniqArray(tenant), uniqExact(src_partition) FROM spans WHERE service_name = 'flows-on'", fmt.Sprintf("['default']\t%d", partitions))
	sameSQL(t, up, "SELECT count() FROM spans WHERE service_name = 'bad'", "0")
	if n := metricOf(t, up, "spanmill_writer_dead_letters_total", `reason="undecodable"`); n != 2*partitions+1 {
		t.Errorf("%v undecodable records counted, want %d", n, 2*partitions+1)
	}
	if n := metricOf(t, up, "spanmill_writer_dead_letters_total", `reason="invalid_span"`); n != partitions {
		t.Errorf("%v invalid spans counted, want %d", n, partitions)
	}
}

// testHostileStrangers: records without our headers, in a wrong partition, with
// nothing in them, or of another day.
func testHostileStrangers(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	send(t, up, newTrace("warm", 1))
	write(t, up, 1, recordOf(t, "default", spanOf("default", 1)))
	empty := write(t, up, 1, kafka.Message{Key: []byte("tombstone")}, kafka.Message{Value: []byte{}})
	if n := metricOf(t, up, "spanmill_writer_misplaced_spans_total"); n != 0 {
		t.Errorf("%v spans counted as misplaced, want none yet", n)
	}
	write(t, up, 2, recordOf(t, "misplaced", spanOf("a", 1), spanOf("b", 2), spanOf("c", 3)))
	// Neighbours of an invalid span in one record land.
	offset := write(t, up, 3, recordOf(t, "neighbours", spanOf("a", 3), oddSpan("bad", func(s *tracepb.Span) { s.TraceId = nil }), spanOf("b", 3)))
	deadLetters(t, up, fmt.Sprintf("spans/3/%d/1", offset), fmt.Sprintf("spans/1/%d/-1", empty), fmt.Sprintf("spans/1/%d/-1", empty+1))
	// Mirrors keep the time of the records they copy.
	then := time.Now().Add(-20 * day)
	m := recordOf(t, "mirrored", spanOf("now", 0), oddSpan("then", func(s *tracepb.Span) {
		s.TraceId, s.StartTimeUnixNano = spanOf("", 0).GetTraceId(), uint64(then.UnixNano())
	}))
	m.Time = then
	write(t, up, 0, m)
	fence(t, up)
	merged(t, up)
	sameSQL(t, up, "SELECT tenant, service_name, src_partition, count() FROM spans WHERE name != 'fence' GROUP BY ALL ORDER BY service_name",
		"default\tdefault\t1\t1\ndefault\tmirrored\t0\t2\ndefault\tmisplaced\t2\t3\ndefault\tneighbours\t3\t2\n"+
			"default\twarm\t"+up.SQL(t, "SELECT src_partition FROM spans WHERE service_name = 'warm'")+"\t1")
	sameSQL(t, up, "SELECT name, toUnixTimestamp64Milli(received_at), part_day = toDate(received_at), time_flags FROM spans WHERE service_name = 'mirrored' ORDER BY name",
		fmt.Sprintf("now\t%d\t1\t1\nthen\t%d\t1\t0", then.UnixMilli(), then.UnixMilli()))
	if n := metricOf(t, up, "spanmill_writer_misplaced_spans_total"); n != 2 {
		t.Errorf("%v spans counted as misplaced, want 2", n)
	}
}
