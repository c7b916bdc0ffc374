package bus_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

const outTopic = "rollups"

// transactor is what a source of a consumer with Transactions can do besides.
type transactor interface {
	Transact(ctx context.Context, records []pipeline.Record, offset int64, metadata string) error
}

func transactional(cfg *bus.ConsumerConfig) { cfg.Transactions = true }

func (c *cluster) outTopic() {
	c.t.Helper()
	_, err := bus.EnsureTopics(c.t.Context(), c.cfg, []bus.Topic{{Name: outTopic, Partitions: 2, Replication: 1, Retention: -1, RetentionBytes: -1}}, c.log)
	if err != nil {
		c.t.Fatal(err)
	}
}

func out(partition int32, text string) pipeline.Record {
	return pipeline.Record{Topic: outTopic, Partition: partition, Value: []byte(text)}
}

// committedOut is what a read_committed reader sees of the out topic.
func (c *cluster) committedOut() (texts []string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	err := bus.Scan(ctx, c.cfg, outTopic, c.log, func(r *pipeline.Record) error {
		texts = append(texts, string(r.Value))
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	slices.Sort(texts)
	return texts
}

func (c *cluster) expectOut(want ...string) {
	c.t.Helper()
	if got := c.committedOut(); !slices.Equal(got, want) {
		c.t.Errorf("topic %s has %q, want %q", outTopic, got, want)
	}
}

func (c *cluster) expectCommitted(partition int32, want int64, metadata string) {
	c.t.Helper()
	got := kfake.GroupCommit{Offset: -1}
	if g := c.GroupInfo("g"); g != nil {
		if at, ok := g.Commits[topic][partition]; ok {
			got = at
		}
	}
	if got.Offset != want || got.Metadata != metadata {
		c.t.Errorf("committed %d %q, want %d %q", got.Offset, got.Metadata, want, metadata)
	}
}

func TestTransactionCommitsRecordsAndOffsetAsOne(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.produce(0, 5)
		sources, handle := hands()
		c.join(tuning{tune: transactional}, handle)
		h := receive(t, sources, "the source")
		for n := range int64(3) {
			records := []pipeline.Record{out(0, fmt.Sprintf("a%d", n)), out(1, fmt.Sprintf("b%d", n))}
			if err := h.src.(transactor).Transact(h.ctx, records, n+1, "m"); err != nil {
				t.Fatal(err)
			}
			c.expectCommitted(0, n+1, "m")
		}
		c.expectOut("a0", "a1", "a2", "b0", "b1", "b2")
		if err := h.src.Commit(h.ctx, 4, "plain"); err != nil { // a commit may come between
			t.Fatal(err)
		}
		if err := h.src.(transactor).Transact(h.ctx, []pipeline.Record{out(0, "c")}, 5, "m"); err != nil {
			t.Fatal(err)
		}
		c.expectCommitted(0, 5, "m")
	})
}

// TestTakenBackIsReadByNobody: not where many fetches are needed either.
func TestTakenBackIsReadByNobody(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.transactions(30, func(n int) bool { return n%3 == 2 })
		readers, read := hands()
		c.join(tuning{group: "reader", tune: func(cfg *bus.ConsumerConfig) { cfg.Topics, cfg.FetchBytes = []string{outTopic}, 64<<10 }}, read)
		var r hand
		for r.src == nil || r.src.Log().Partition != 0 {
			r = receive(t, readers, "the reader")
		}
		var got []byte
		for len(got) == 0 || got[len(got)-1] != 29 {
			records, err := r.src.Fetch(r.ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range records {
				got = append(got, record.Value[0])
			}
		}
		if want := []byte{2, 5, 8, 11, 14, 17, 20, 23, 26, 29}; !slices.Equal(got, want) {
			t.Errorf("read transactions %d, want %d", got, want)
		}
	})
}

// transactions writes so many, of a record each that does not compress, and
// commits some.
func (c *cluster) transactions(count int, commits func(n int) bool) {
	c.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.cfg.Brokers...), kgo.Dialer(c.cfg.Dial), kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	noise := rand.NewChaCha8([32]byte{1})
	for n := range count {
		value := make([]byte, 40<<10)
		_, _ = noise.Read(value)
		value[0] = byte(n)
		if err := client.BeginTransaction(); err != nil {
			c.t.Fatal(err)
		}
		if err := client.ProduceSync(c.t.Context(), &kgo.Record{Topic: outTopic, Value: value}).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
		if err := client.EndTransaction(c.t.Context(), kgo.TransactionEndTry(commits(n))); err != nil {
			c.t.Fatal(err)
		}
	}
}

// TestMarkersAreNoLag: whoever has committed all records of a topic that is
// written in transactions is not behind, though a marker is its last offset.
func TestMarkersAreNoLag(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.produce(0, 1)
		sources, handle := hands()
		c.join(tuning{tune: transactional}, handle)
		h := receive(t, sources, "the source")
		readers, read := hands()
		m := c.join(tuning{group: "reader", tune: func(cfg *bus.ConsumerConfig) { cfg.Topics = []string{outTopic} }}, read)
		var r hand
		for r.src == nil || r.src.Log().Partition != 0 {
			r = receive(t, readers, "the reader")
		}
		if err := h.src.(transactor).Transact(h.ctx, []pipeline.Record{out(0, "a")}, 1, "m"); err != nil {
			t.Fatal(err)
		}
		records, err := r.src.Fetch(r.ctx)
		if err != nil || len(records) != 1 {
			t.Fatalf("fetched %v, %v", records, err)
		}
		if err := r.src.Commit(r.ctx, records[0].Offset+1, ""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(r.ctx, 30*time.Second)
		defer cancel()
		if _, err := r.src.Fetch(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		for _, name := range []string{"spanmill_bus_lag_records", "spanmill_bus_lag_seconds"} {
			if v, ok := m.gauge(t, name, "0"); v != 0 || !ok {
				t.Errorf("%s is %v, %v", name, v, ok)
			}
		}
	})
}

// TestRefusedOffsetTakesItsRecordsBack: the group does not know the member any
// more, so nothing of the transaction may be seen.
func TestRefusedOffsetTakesItsRecordsBack(t *testing.T) {
	for _, refusal := range []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.FencedInstanceID} {
		t.Run(refusal.Message, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, c *cluster) {
				c.outTopic()
				c.produce(0, 5)
				sources, handle := hands()
				c.join(tuning{tune: transactional}, handle)
				h := receive(t, sources, "the source")
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: refusal})
				err := h.src.(transactor).Transact(h.ctx, []pipeline.Record{out(0, "lost")}, 3, "m")
				if !errors.Is(err, pipeline.ErrAmbiguous) {
					t.Fatalf("got %v", err)
				}
				c.expectOut()
				c.expectCommitted(0, -1, "")
				if err := h.src.(transactor).Transact(h.ctx, []pipeline.Record{out(0, "after")}, 3, "m"); err == nil {
					t.Error("a source goes on after its transaction was refused")
				}
				h.end <- err
				again := receive(t, sources, "the source, read back")
				if err := again.src.(transactor).Transact(again.ctx, []pipeline.Record{out(0, "again")}, 3, "m"); err != nil {
					t.Fatal(err)
				}
				c.expectOut("again")
			})
		})
	}
}

// TestOpenTransactionOfADeadOwnerIsEnded: the next owner takes the id over and
// need not wait for the brokers' time-out; a reader sees nothing of what was
// begun.
func TestOpenTransactionOfADeadOwnerIsEnded(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.produce(0, 5)
		sources, handle := hands()
		c.join(tuning{tune: transactional}, handle)
		h := receive(t, sources, "the source")
		c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			return nil, errors.New("connection lost"), true
		})
		began := time.Now()
		err := h.src.(transactor).Transact(h.ctx, []pipeline.Record{out(0, "open")}, 2, "m")
		if !errors.Is(err, pipeline.ErrAmbiguous) {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(began); took > bus.TransactionTimeout {
			t.Errorf("it tried for %s", took)
		}
		h.end <- err
		again := receive(t, sources, "the source, read back")
		if at := again.src.Committed().Offset; at != -1 {
			t.Errorf("committed %d", at)
		}
		c.expectOut()
	})
}

// TestOffsetIsReadOnceItIsSettled: the brokers answer that a former owner's
// transaction was ended before the group's offset is free of it; who takes over
// asks again until it is. Another partition's keeps nobody waiting.
func TestOffsetIsReadOnceItIsSettled(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.produce(0, 5)
		var asked atomic.Int64
		c.ControlKey(int16(kmsg.OffsetFetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if len(r.(*kmsg.OffsetFetchRequest).Groups[0].Topics) > 0 {
				return nil, nil, false // on assignment
			}
			return c.offsets(r, asked.Add(1) <= 20), nil, true
		})
		sources, handle := hands()
		c.join(tuning{tune: transactional}, handle)
		h := receive(t, sources, "the source")
		if got := h.src.Committed(); got != (pipeline.Committed{Offset: 2, Metadata: "m"}) || asked.Load() != 21 {
			t.Errorf("committed %+v, asked %d times", got, asked.Load())
		}
	})
}

// offsets answers for a whole group: of partition 0 perhaps, of partition 1
// certainly, that a transaction holds its offset.
func (c *cluster) offsets(r kmsg.Request, unsettled bool) kmsg.Response {
	answer := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	group := kmsg.NewOffsetFetchResponseGroup()
	group.Group = r.(*kmsg.OffsetFetchRequest).Groups[0].Group
	at := kmsg.NewOffsetFetchResponseGroupTopic()
	at.Topic, at.TopicID = topic, c.TopicInfo(topic).TopicID
	own, other := kmsg.NewOffsetFetchResponseGroupTopicPartition(), kmsg.NewOffsetFetchResponseGroupTopicPartition()
	metadata := "m"
	own.Offset, own.Metadata = 2, &metadata
	other.Partition, other.ErrorCode = 1, kerr.UnstableOffsetCommit.Code
	if unsettled {
		own.ErrorCode = kerr.UnstableOffsetCommit.Code
	}
	at.Partitions = append(at.Partitions, own, other)
	group.Topics = append(group.Topics, at)
	answer.Groups = append(answer.Groups, group)
	return answer
}

// TestFormerOwnerIsFenced: once another has taken the partition's id over, one
// that was away can neither commit its offset nor show its records.
func TestFormerOwnerIsFenced(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		c.produce(0, 5)
		sources, handle := hands()
		c.join(tuning{tune: transactional}, handle)
		old := receive(t, sources, "the source")
		if err := old.src.(transactor).Transact(old.ctx, []pipeline.Record{out(0, "first")}, 1, "m"); err != nil {
			t.Fatal(err)
		}
		other, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.Dialer(c.cfg.Dial), kgo.TransactionalID("g/"+topic+"/0"))
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, _, err := other.ProducerID(t.Context()); err != nil {
			t.Fatal(err)
		}
		err = old.src.(transactor).Transact(old.ctx, []pipeline.Record{out(0, "late")}, 2, "m")
		if !errors.Is(err, pipeline.ErrAmbiguous) {
			t.Fatalf("got %v", err)
		}
		c.expectOut("first")
		c.expectCommitted(0, 1, "m")
	})
}
