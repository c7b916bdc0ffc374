package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// client is a plain Kafka client: what is tested is the broker.
type client struct {
	t   *testing.T
	cl  *kgo.Client
	adm *kadm.Client
}

func connect(t *testing.T, addr string, opts ...kgo.Opt) *client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.DisableClientMetrics(), kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(16<<20))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &client{t, cl, kadm.NewClient(cl)}
}

func (c *client) createTopic(partitions int32, configs map[string]*string) {
	c.t.Helper()
	if _, err := c.adm.CreateTopic(c.t.Context(), partitions, 1, configs, topic); err != nil {
		c.t.Fatal(err)
	}
}

// produce returns the offsets of the acknowledged records.
func (c *client) produce(partition int32, values ...string) []int64 {
	c.t.Helper()
	var offsets []int64
	for _, v := range values {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)}
		if err := c.cl.ProduceSync(c.t.Context(), r).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
		offsets = append(offsets, r.Offset)
	}
	return offsets
}

// commit stores an offset and metadata for a group without members.
func (c *client) commit(offset int64, metadata string) {
	c.t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if _, err := c.adm.CommitOffsets(c.t.Context(), group, offsets); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) committed() string {
	c.t.Helper()
	offsets, err := c.adm.FetchOffsets(c.t.Context(), group)
	if err != nil {
		c.t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return fmt.Sprintf("%d %s", o.At, o.Metadata)
}

func (c *client) bounds(partition int32) (start, end int64) {
	c.t.Helper()
	s, err := c.adm.ListStartOffsets(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	e, err := c.adm.ListEndOffsets(c.t.Context(), topic)
	if err != nil {
		c.t.Fatal(err)
	}
	first, _ := s.Lookup(topic, partition)
	last, _ := e.Lookup(topic, partition)
	return first.Offset, last.Offset
}

func (c *client) deleteBefore(partition int32, offset int64) {
	c.t.Helper()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, partition, offset, -1)
	if _, err := c.adm.DeleteRecords(c.t.Context(), offsets); err != nil {
		c.t.Fatal(err)
	}
}

// read gives the values of partition 0 from an offset on, n of them.
func (c *client) read(addr string, from int64, n int, opts ...kgo.Opt) map[int64]string {
	c.t.Helper()
	r := connect(c.t, addr, append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(from)}}))...)
	defer r.cl.Close()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	out := make(map[int64]string)
	for len(out) < n {
		fetches := r.cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			c.t.Fatalf("read %d of %d: %v", len(out), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { out[r.Offset] = string(r.Value) })
	}
	return out
}

// control asks for something by raw request, as proof that it is answered.
func (c *client) ping() error {
	_, err := kmsg.NewPtrMetadataRequest().RequestWith(c.t.Context(), c.cl)
	return err
}
