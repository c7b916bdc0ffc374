package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// poisonName is the name of spans that the model server rejects.
const poisonName = "poison"

// source is a partition of one life of the topic.
type source struct {
	topicID   string // hexadecimal
	partition int32
}

// logged is one acknowledged record, as the ledger knows it.
type logged struct {
	source
	offset int64
	milli  int64 // record time
	sent   Sent
	day    uint16
}

// ledger is what was acknowledged, in offset order.
type ledger map[source][]logged

func (s Sent) tenant() string {
	if s.Tenant == "" {
		return "default"
	}
	return s.Tenant
}

// traceID spreads traces over the id space, none of them zero.
func (s Sent) traceID() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], uint64(s.Trace)+1)
	return id
}

func spanID(n int) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// partitionOf places a trace. Any rule does: the writer takes spans where they
// are.
func (s Sent) partitionOf(partitions int) int32 { return int32(s.Trace % partitions) }

// encode makes the record's OTLP bytes.
func (s Sent) encode(start time.Time) ([]byte, error) {
	if s.Garbage {
		return []byte{0xff, 0xff, 0xff}, nil
	}
	trace := s.traceID()
	scope := &tracepb.ScopeSpans{}
	for _, n := range s.Spans {
		span := &tracepb.Span{
			TraceId: trace[:], Name: "step",
			StartTimeUnixNano: uint64(start.UnixNano()), EndTimeUnixNano: uint64(start.Add(time.Second).UnixNano()),
		}
		if n > 0 {
			id := spanID(n)
			span.SpanId = id[:]
		}
		if s.Poison {
			span.Name = poisonName
		}
		scope.Spans = append(scope.Spans, span)
	}
	return proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{{
			Key: "service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "sim"}},
		}}},
		ScopeSpans: []*tracepb.ScopeSpans{scope},
	}}})
}

// produce writes records and enters them when they are acknowledged.
func (w *world) produce(records []Sent) error {
	for _, s := range records {
		now := time.Now()
		at := now.Add(-time.Duration(s.AgoMilli) * time.Millisecond)
		start := now.AddDate(0, 0, -s.DaysAgo)
		value, err := s.encode(start)
		if err != nil {
			return err
		}
		r := &kgo.Record{Topic: topicSpans, Partition: s.partitionOf(w.plan.Partitions), Timestamp: at, Value: value}
		if s.Tenant != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: "tenant", Value: []byte(s.Tenant)})
		}
		if err := w.client.ProduceSync(context.Background(), r).FirstErr(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		from := w.source(r.Partition)
		w.ledger[from] = append(w.ledger[from], logged{source: from, offset: r.Offset, milli: at.UnixMilli(), sent: s, day: uint16(start.Unix() / 86400)})
		w.tracef("log %d/%d: %+v", r.Partition, r.Offset, s)
	}
	return nil
}

// expire takes all records of a partition but the last. Where nothing was ever
// committed, a group begins at the log's start (W6): what was before it is then
// nobody's.
func (w *world) expire(partition int32) error {
	if int(partition) >= w.plan.Partitions {
		return nil
	}
	info := w.cluster.PartitionInfo(topicSpans, partition)
	if info.HighWatermark == info.LogStartOffset {
		return nil
	}
	at := info.HighWatermark - 1 // the last record stays
	if at <= info.LogStartOffset {
		return nil
	}
	from := w.source(partition)
	w.expired[from] = true
	if _, known := w.committed()[partition]; !known {
		w.unread[from] = at
	}
	return w.cluster.DeleteRecords(topicSpans, partition, at)
}

// source names a partition of the topic as it is now.
func (w *world) source(partition int32) source { return source{w.topicID, partition} }

// recreate gives the topic a new life. What the old one held and nobody had
// written is gone with it.
func (w *world) recreate() error {
	w.client.PurgeTopicsFromClient(topicSpans)
	if err := w.cluster.DeleteTopic(topicSpans); err != nil {
		return err
	}
	if err := w.cluster.CreateTopic(topicSpans, int32(w.plan.Partitions), nil); err != nil {
		return err
	}
	w.learnTopic()
	return nil
}

func (w *world) learnTopic() {
	w.topicID = fmt.Sprintf("%x", w.cluster.TopicInfo(topicSpans).TopicID)
}
