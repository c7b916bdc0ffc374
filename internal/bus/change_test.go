package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// admin does what a person does with the cluster.
func (c *cluster) admin(do func(*kadm.Client) error) {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.cfg.Brokers...), kgo.Dialer(c.cfg.Dial), kgo.DisableClientMetrics())
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	if err := do(kadm.NewClient(cl)); err != nil {
		c.t.Fatal(err)
	}
}

// TestAddedPartitionsAreReadFromTheirStart: soon, and the ones that were there
// go on.
func TestAddedPartitionsAreReadFromTheirStart(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		m := c.join(tuning{}, handle)
		first := receive(t, sources, "the first partition")
		c.admin(func(adm *kadm.Client) error {
			_, err := adm.CreatePartitions(t.Context(), 2, topic)
			return err
		})
		c.produce(1, 1) // before anybody consumes it
		c.produce(2, 1)
		began := time.Now()
		for range 2 {
			h := receive(t, sources, "an added partition")
			records, err := h.src.Fetch(h.ctx)
			if err != nil || records[0].Offset != 0 || h.src.Log().Partition == 0 {
				t.Errorf("partition %d: %v, %v", h.src.Log().Partition, records, err)
			}
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("noticed after %s", took)
		}
		if first.ctx.Err() != nil {
			t.Errorf("the first partition was taken away: %v", context.Cause(first.ctx))
		}
		<-time.After(10 * time.Second)
		if v, ok := m.gauge(t, "spanmill_bus_lag_records", "2"); !ok || v != 1 {
			t.Errorf("lag of the added partition: %v, %v", v, ok)
		}
	})
}

// TestPartitionAddedWhileAMemberJoins: the group had been divided without it, and
// it is counted before the member looks for the first time.
func TestPartitionAddedWhileAMemberJoins(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		divided, added := make(chan struct{}), make(chan struct{})
		c.ControlKey(int16(kmsg.OffsetFetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.DropControl()
			close(divided)
			c.SleepControl(func() { <-added })
			return nil, nil, false
		})
		sources, handle := hands()
		m := c.join(tuning{}, handle)
		<-divided
		c.admin(func(adm *kadm.Client) error {
			_, err := adm.CreatePartitions(t.Context(), 1, topic)
			return err
		})
		close(added)
		began := time.Now()
		receive(t, sources, "the first partition")
		receive(t, sources, "the added one")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("noticed after %s", took)
		}
		if n := m.counter(t, "spanmill_bus_topic_partitions_added_total"); n != 1 {
			t.Errorf("%v partitions counted as added", n)
		}
	})
}

// TestTopicMadeAnew: who reads on is told another topic's id, and no offset of
// the old one.
func TestTopicMadeAnew(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 3)
		sources, handle := hands()
		c.join(tuning{}, handle)
		old := receive(t, sources, "the topic")
		if err := old.src.Commit(old.ctx, 3, ""); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		c.produce(0, 2)
		next := receive(t, sources, "the new topic")
		if next.src.Log().TopicID == old.src.Log().TopicID || next.src.Committed().Offset != -1 {
			t.Errorf("log %v after %v, committed %v", next.src.Log(), old.src.Log(), next.src.Committed())
		}
		if records, err := next.src.Fetch(next.ctx); err != nil || records[0].Offset != 0 {
			t.Errorf("got %v, %v", records, err)
		}
		if err := old.src.Commit(t.Context(), 3, ""); err == nil {
			t.Error("the old topic's owner commits")
		}
	})
}

// TestProducerFollowsATopicMadeAnew: what is under way is refused, to be sent
// again; the gateway need not be restarted.
func TestProducerFollowsATopicMadeAnew(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		p := c.producer()
		if err := p.Produce(t.Context(), records(0, "old")); err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		for tries := 0; ; tries++ {
			err := p.Produce(t.Context(), records(0, "new"))
			if err == nil {
				break
			}
			if !errors.Is(err, bus.ErrUnavailable) || tries > 10 {
				t.Fatalf("try %d: %v", tries, err)
			}
			<-time.After(time.Second)
		}
	})
}

// TestHalfOfTheLogUnread shows before anything is lost.
func TestHalfOfTheLogUnread(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 10)
		sources, handle := hands()
		m := c.join(tuning{start: func(context.Context, pipeline.Log, int64) (int64, error) { return 7, nil }}, handle)
		receive(t, sources, "the source")
		ratio := func(want float64) {
			t.Helper()
			<-time.After(10 * time.Second)
			if got, _ := m.gauge(t, "spanmill_bus_log_unread_ratio", "0"); got != want {
				t.Errorf("unread %v of the log, want %v", got, want)
			}
		}
		ratio(0) // nothing was trimmed yet
		if err := c.DeleteRecords(topic, 0, 4); err != nil {
			t.Fatal(err)
		}
		ratio(0.5)
	})
}

var errEnough = errors.New("enough")

func TestScanShowsWhatIsThere(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		c.produce(0, 4)
		c.produce(1, 2)
		if err := c.DeleteRecords(topic, 0, 1); err != nil {
			t.Fatal(err)
		}
		var got []int64
		err := bus.Scan(t.Context(), c.cfg, topic, c.log, func(r *pipeline.Record) error {
			if len(got) == 0 {
				c.produce(1, 1) // not there when it began
			}
			got = append(got, int64(r.Partition)*100+r.Offset)
			return nil
		})
		if err != nil || len(got) < 5 || got[0] != 1 || got[2] != 3 || got[4] != 101 {
			t.Errorf("got %v, %v", got, err)
		}
		if err := bus.Scan(t.Context(), c.cfg, topic, c.log, func(*pipeline.Record) error { return errEnough }); !errors.Is(err, errEnough) {
			t.Errorf("visit's error became %v", err)
		}
		if err := bus.Scan(t.Context(), c.cfg, "none", c.log, nil); err == nil {
			t.Error("a topic that is not there")
		}
	})
}
