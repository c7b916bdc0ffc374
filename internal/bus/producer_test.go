package bus_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

func records(partition int32, values ...string) []pipeline.Record {
	var out []pipeline.Record
	for _, v := range values {
		out = append(out, pipeline.Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
	return out
}

func TestProduceAsksForAllReplicas(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		acks := make(chan int16, 1)
		c.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			acks <- r.(*kmsg.ProduceRequest).Acks
			return nil, nil, false
		})
		if err := c.producer().Produce(t.Context(), records(0, "a")); err != nil {
			t.Fatal(err)
		}
		if got := <-acks; got != -1 {
			t.Errorf("produced with acks=%d, want -1: all", got)
		}
	})
}

func TestProduceWaitsForEveryPartition(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{1}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		err := c.producer().Produce(t.Context(), append(records(0, "a"), records(1, "b")...))
		if !errors.Is(err, bus.ErrUnavailable) || !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("one partition of two refused: %v, want ErrUnavailable with the reason", err)
		}
	})
}

func TestProduceGivesUpWhenReplicasAreMissing(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotEnoughReplicas, Count: -1})
		began := time.Now()
		err := c.producer().Produce(t.Context(), records(0, "a"))
		if !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took := time.Since(began); took > c.cfg.ProduceTimeout {
			t.Errorf("took %s", took)
		}
	})
}

func TestProduceRidesOutAPassingError(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotEnoughReplicas, Count: 3})
		if err := c.producer().Produce(t.Context(), records(0, "a")); err != nil {
			t.Error(err)
		}
		if end := c.PartitionInfo(topic, 0).HighWatermark; end != 1 {
			t.Errorf("log ends at %d, want one record", end)
		}
	})
}

func TestProduceRefusesWhatIsTooLarge(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		var large *bus.TooLargeError
		p := c.producer()
		err := p.Produce(t.Context(), records(0, string(make([]byte, bus.MaxMessageBytes))))
		if !errors.As(err, &large) || large.Limit != bus.MaxMessageBytes {
			t.Errorf("over our limit: %v, want a TooLargeError with it", err)
		}
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.MessageTooLarge})
		if err := p.Produce(t.Context(), records(0, "a")); !errors.As(err, &large) {
			t.Errorf("over the broker's limit: %v, want a TooLargeError", err)
		}
		if err := p.Produce(t.Context(), records(0, string(make([]byte, 16<<20)))); err != nil {
			t.Errorf("a 16 MiB record: %v", err)
		}
	})
}

func TestProduceRefusesAtOnceWhenItsBufferIsFull(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.cfg.MaxInFlightBytes = bus.MaxMessageBytes
		p := c.producer()
		release := make(chan struct{})
		c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.SleepControl(func() { <-release })
			return nil, nil, false
		})
		first := make(chan error, 1)
		go func() { first <- p.Produce(t.Context(), records(0, string(make([]byte, 12<<20)))) }()
		synctest.Wait()

		began := time.Now()
		err := p.Produce(t.Context(), records(0, string(make([]byte, 12<<20))))
		if !errors.Is(err, bus.ErrBufferFull) || time.Since(began) > 0 {
			t.Errorf("got %v after %s, want ErrBufferFull at once", err, time.Since(began))
		}
		close(release)
		if err := <-first; err != nil {
			t.Errorf("what fitted: %v", err)
		}
		if err := p.Produce(t.Context(), records(0, string(make([]byte, 12<<20)))); err != nil {
			t.Errorf("after the acknowledgement: %v", err)
		}
	})
}

func TestProducePartitionByKey(t *testing.T) {
	bubble(t, 8, func(t *testing.T, c *cluster) {
		r := pipeline.Record{Topic: topic, Partition: -1, Key: []byte("origin"), Value: []byte("v")}
		p := c.producer()
		for range 3 {
			if err := p.Produce(t.Context(), []pipeline.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		used := 0
		for _, info := range c.PartitionInfos(topic) {
			if info.HighWatermark > 0 {
				used++
			}
		}
		if used != 1 {
			t.Errorf("one key went to %d partitions", used)
		}
	})
}

func TestPartitionsAreCountedAgainNowAndThen(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		p := c.producer()
		if n, err := p.Partitions(t.Context(), topic); n != 3 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		if err := c.DeleteTopic(topic); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateTopic(topic, 5, nil); err != nil {
			t.Fatal(err)
		}
		if n, err := p.Partitions(t.Context(), topic); n != 3 || err != nil {
			t.Errorf("at once: got %d, %v, want the known count", n, err)
		}
		<-time.After(time.Minute)
		if n, err := p.Partitions(t.Context(), topic); n != 5 || err != nil {
			t.Errorf("a minute later: got %d, %v", n, err)
		}
		if _, err := p.Partitions(t.Context(), "no-such-topic"); err == nil {
			t.Error("a topic that does not exist was counted")
		}
	})
}

func TestEnsureTopics(t *testing.T) {
	bubble(t, 3, func(t *testing.T, c *cluster) {
		want := []bus.Topic{
			{Name: topic, Partitions: 4, Replication: -1, Retention: time.Hour, RetentionBytes: -1},
			{Name: "dead-letters", Partitions: 1, Replication: -1, Retention: -1, RetentionBytes: -1},
		}
		warnings, err := bus.EnsureTopics(t.Context(), c.cfg, want, c.log)
		if err != nil {
			t.Fatal(err)
		}
		if len(warnings) != 3 { // partitions, max.message.bytes, retention.ms
			t.Errorf("the seeded topic differs in three settings; warned of %q", warnings)
		}
		warnings, err = bus.EnsureTopics(t.Context(), c.cfg, want[1:], c.log)
		if err != nil || len(warnings) > 0 {
			t.Errorf("what we created: %q, %v", warnings, err)
		}
		beside := []bus.Topic{
			{Name: "events", AsManyAs: topic, Replication: -1, Retention: -1, RetentionBytes: -1},
			{Name: "experiments", Partitions: 1, Replication: -1, Retention: -1, RetentionBytes: -1, Compacted: true},
		}
		warnings, err = bus.EnsureTopics(t.Context(), c.cfg, beside, c.log)
		if err != nil || len(warnings) > 0 {
			t.Errorf("topics beside it: %q, %v", warnings, err)
		}
		p := c.producer()
		if n, err := p.Partitions(t.Context(), "events"); n != 3 || err != nil {
			t.Errorf("as many partitions as the seeded topic: got %d, %v", n, err)
		}
		if _, err := bus.Inspect(t.Context(), c.cfg, beside, c.log); err != nil {
			t.Errorf("a compacted topic that is to be: %v", err)
		}
		beside[0].Compacted, beside[1].Compacted = true, false
		for _, wrong := range beside {
			if _, err := bus.Inspect(t.Context(), c.cfg, []bus.Topic{wrong}, c.log); !errors.Is(err, bus.ErrUnfit) {
				t.Errorf("%s, compacted the other way: %v", wrong.Name, err)
			}
		}
		if _, err := bus.EnsureTopics(t.Context(), c.cfg, []bus.Topic{{Name: "more", AsManyAs: "nothing"}}, c.log); !errors.Is(err, bus.ErrNoTopic) {
			t.Errorf("as many as a topic that is not there: %v", err)
		}
	})
}
