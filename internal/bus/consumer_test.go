package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// hand gives the test every source that the consumer assigns, and ends its
// handler as the test says.
type hand struct {
	src pipeline.Source
	ctx context.Context
	end chan error
}

func hands() (chan hand, bus.Handler) {
	out := make(chan hand, 16)
	return out, func(ctx context.Context, src pipeline.Source) error {
		h := hand{src, ctx, make(chan error, 1)}
		out <- h
		select {
		case err := <-h.end:
			return err
		case <-src.Draining():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestStartWithoutACommitIsTheStarters(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 5)
		if err := c.DeleteRecords(topic, 0, 1); err != nil {
			t.Fatal(err)
		}
		var asked pipeline.Log
		sources, handle := hands()
		c.join(tuning{start: func(_ context.Context, log pipeline.Log, logStart int64) (int64, error) {
			asked = log
			return logStart + 2, nil
		}}, handle)
		h := receive(t, sources, "the source")
		if want := (pipeline.Log{Topic: topic, TopicID: c.TopicInfo(topic).TopicID}); asked != want || h.src.Log() != want {
			t.Errorf("starter was asked of %v, the source is %v, want %v", asked, h.src.Log(), want)
		}
		if h.src.Committed().Offset != -1 || h.src.Start() != 3 {
			t.Errorf("committed %v, start %d; want -1 and 3", h.src.Committed(), h.src.Start())
		}
		records, err := h.src.Fetch(h.ctx)
		if err != nil || records[0].Offset != 3 {
			t.Errorf("first fetch: %v, %v", records, err)
		}
	})
}

func TestFetchLosesNothingWhenItsContextEnds(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		for round := range 3 {
			ctx, cancel := context.WithTimeout(h.ctx, time.Second)
			if _, err := h.src.Fetch(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("nothing to fetch: %v", err)
			}
			cancel()
			c.produce(0, 2)
			synctest.Wait()
			for want := int64(round * 2); want < int64(round*2+2); {
				records, err := h.src.Fetch(h.ctx)
				if err != nil || records[0].Offset != want {
					t.Fatalf("fetched %v, %v; want offset %d", records, err, want)
				}
				want += int64(len(records))
			}
		}
	})
}

// TestAReaderThatKeepsUpFetchesInBulk: records that come one by one, 2 ms apart,
// are not fetched one by one.
func TestAReaderThatKeepsUpFetchesInBulk(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		var fetches atomic.Int64
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			fetches.Add(1)
			return nil, nil, false
		})
		sources, handle := hands()
		c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		began := time.Now()
		const records = 200
		read := make(chan error, 1)
		go func() {
			n := 0
			var err error
			for n < records && err == nil {
				var got []pipeline.Record
				got, err = h.src.Fetch(h.ctx)
				n += len(got)
			}
			read <- err
		}()
		c.produce(0, records)
		if err := receive(t, read, "all records"); err != nil {
			t.Fatal(err)
		}
		// One in 25 ms, and those at the beginning and the end.
		if most := int64(time.Since(began)/(25*time.Millisecond)) + 3; fetches.Load() > most {
			t.Errorf("%d fetches of %d records, want at most %d in %s", fetches.Load(), records, most, time.Since(began))
		}
	})
}

func TestExpiredRecordsAreNamedNotSkipped(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 10)
		if err := c.DeleteRecords(topic, 0, 6); err != nil {
			t.Fatal(err)
		}
		sources, handle := hands()
		c.join(tuning{start: func(context.Context, pipeline.Log, int64) (int64, error) { return 2, nil }}, handle)
		h := receive(t, sources, "the source")
		for range 2 { // and it stays so
			_, err := h.src.Fetch(h.ctx)
			if !errors.Is(err, pipeline.ErrExpired) || !strings.Contains(err.Error(), "2–5") {
				t.Errorf("got %v, want ErrExpired naming 2–5", err)
			}
		}
	})
}

func TestALogThatLostItsTailIsNotReadOn(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		c.produce(0, 3)
		sources, handle := hands()
		m := c.join(tuning{start: func(_ context.Context, log pipeline.Log, _ int64) (int64, error) {
			if log.Partition == 0 {
				return 7, nil // as if committed before the log was cut off
			}
			return 0, nil
		}}, handle)
		for range 2 {
			h := receive(t, sources, "the sources")
			if h.src.Log().Partition == 0 {
				_, err := h.src.Fetch(h.ctx)
				if cut, ok := errors.AsType[*pipeline.TruncatedError](err); !ok || cut.End != 3 {
					t.Errorf("got %v, want an error naming the log's end", err)
				}
				h.end <- err
			}
		}
		<-time.After(time.Second)
		if v, _ := m.gauge(t, "spanmill_bus_partition_halted", "0"); v != 1 {
			t.Error("the partition does not show as halted")
		}
	})
}

// TestATopicMadeAnewIsReadAnew: the old topic's reader ends, loudly, instead of
// asking the broker for it over and over, and a new member reads the new one.
func TestATopicMadeAnewIsReadAnew(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 3)
		var asked atomic.Int32
		lives := make(chan pipeline.Log, 4)
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if asked.Add(1) > 1000 { // slow down, so that virtual time passes
				return nil, errors.New("asked too often"), true
			}
			return nil, nil, false
		})
		fetched := make(chan int, 16)
		c.join(tuning{}, func(ctx context.Context, src pipeline.Source) error {
			lives <- src.Log()
			for {
				records, err := src.Fetch(ctx)
				if err != nil {
					return err
				}
				fetched <- len(records)
			}
		})
		first := receive(t, lives, "the first topic")
		receive(t, fetched, "its records")
		if err := errors.Join(c.DeleteTopic(topic), c.CreateTopic(topic, 1, nil)); err != nil {
			t.Fatal(err)
		}
		c.produce(0, 1)
		second := receive(t, lives, "the second topic")
		if first.TopicID == second.TopicID {
			t.Error("the topic kept its id")
		}
		receive(t, fetched, "the second topic's record")
		if n := asked.Load(); n > 200 {
			t.Errorf("the broker was asked %d times", n)
		}
	})
}

// TestASourceKnowsItsTopicsPresentID: what a member remembers of a topic may be
// older than the topic, and rows under the old id would be lost (W10).
func TestASourceKnowsItsTopicsPresentID(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		a := c.join(tuning{}, idle)
		<-time.After(10 * time.Second)
		c.join(tuning{}, handle)
		before := receive(t, sources, "the second member's partition")
		if err := errors.Join(c.DeleteTopic(topic), c.CreateTopic(topic, 2, nil)); err != nil {
			t.Fatal(err)
		}
		a.leave()
		after := receive(t, sources, "the first member's partition")
		if want := c.TopicInfo(topic).TopicID; after.src.Log().TopicID != want {
			t.Errorf("the source's topic id is %x (before: %x), want %x", after.src.Log().TopicID, before.src.Log().TopicID, want)
		}
	})
}

func TestAHaltedPartitionLeavesTheOthersAlone(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		m := c.join(tuning{}, handle)
		byPartition := map[int32]hand{}
		for range 2 {
			h := receive(t, sources, "the sources")
			byPartition[h.src.Log().Partition] = h
		}
		byPartition[0].end <- errors.New("a row that makes no sense")
		synctest.Wait()
		c.produce(1, 1)
		if _, err := byPartition[1].src.Fetch(byPartition[1].ctx); err != nil {
			t.Errorf("the other partition: %v", err)
		}
		if err := byPartition[1].src.Commit(byPartition[1].ctx, 1, ""); err != nil {
			t.Errorf("the other partition's commit: %v", err)
		}
		for partition, want := range map[string]float64{"0": 1, "1": 0} {
			if v, _ := m.gauge(t, "spanmill_bus_partition_halted", partition); v != want {
				t.Errorf("halted{partition=%s} = %v, want %v", partition, v, want)
			}
		}
		m.leave()
		if _, ok := m.gauge(t, "spanmill_bus_partition_halted", "0"); ok {
			t.Error("the series outlived the assignment")
		}
	})
}

func TestDrainLetsHandlersFinish(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		ready := make(chan struct{}, 2)
		m := c.join(tuning{}, func(ctx context.Context, src pipeline.Source) error {
			ready <- struct{}{}
			<-src.Draining()
			<-time.After(10 * time.Second) // the insert of what was in hand
			return src.Commit(ctx, 4, fmt.Sprintf("drained %d", src.Log().Partition))
		})
		receive(t, ready, "a source")
		receive(t, ready, "a source")
		m.leave()
		for p := range int32(2) {
			if got, want := c.committed(p), fmt.Sprintf("4 drained %d", p); got != want {
				t.Errorf("partition %d holds %q, want %q", p, got, want)
			}
		}
		if g := c.GroupInfo("g"); len(g.Members) > 0 {
			t.Error("the member did not leave")
		}
	})
}

func TestDrainEndsHandlersThatTakeTooLong(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		ready := make(chan struct{})
		m := c.join(tuning{}, func(ctx context.Context, _ pipeline.Source) error {
			close(ready)
			<-ctx.Done() // an insert that retries for ever
			return ctx.Err()
		})
		receive(t, ready, "the source")
		began := time.Now()
		m.leave()
		if took := time.Since(began); took != bus.DefaultConsumer().DrainTimeout {
			t.Errorf("leaving took %s, want the drain timeout", took)
		}
	})
}

func TestHeartbeatsGoOnWhileAHandlerIsStuck(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		<-time.After(10 * time.Minute) // many session timeouts
		if h.ctx.Err() != nil {
			t.Fatalf("the partition was lost: %v", context.Cause(h.ctx))
		}
		if err := h.src.Commit(h.ctx, 0, "still here"); err != nil {
			t.Error(err)
		}
	})
}

func TestAStalledPartitionIsNotRead(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		const size, n = 512 << 10, 64
		p := c.producer()
		for range n {
			if err := p.Produce(t.Context(), records(0, strings.Repeat("x", size))); err != nil {
				t.Fatal(err)
			}
		}
		p.Close()
		var fetches atomic.Int64
		c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			fetches.Add(1)
			return nil, nil, false
		})
		sources, handle := hands()
		c.join(tuning{tune: func(cfg *bus.ConsumerConfig) { cfg.FetchBytes = 64 << 10 }}, handle)
		h := receive(t, sources, "the source")
		<-time.After(time.Minute)
		if got := fetches.Load(); got > 2 {
			t.Errorf("%d fetches for a handler that took nothing", got)
		}
		taken := 0
		for taken < n {
			records, err := h.src.Fetch(h.ctx)
			if err != nil {
				t.Fatal(err)
			}
			taken += len(records)
			<-time.After(time.Second)
			if ahead := fetches.Load() - 2; ahead > int64(taken) {
				t.Fatalf("%d fetches ahead of a handler that took %d records", ahead, taken)
			}
		}
	})
}

func TestLagIsShownAndForgotten(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 4)
		sources, handle := hands()
		m := c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		for got := 0; got < 4; {
			records, err := h.src.Fetch(h.ctx)
			if err != nil {
				t.Fatal(err)
			}
			got += len(records)
		}
		if err := h.src.Commit(h.ctx, 1, ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if v, _ := m.gauge(t, "spanmill_bus_lag_records", "0"); v != 3 {
			t.Errorf("lag is %v records, want 3", v)
		}
		if v, _ := m.gauge(t, "spanmill_bus_lag_seconds", "0"); v < 55 || v > 65 {
			t.Errorf("lag is %v s, want about a minute", v)
		}
		if err := h.src.Commit(h.ctx, 4, ""); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Second)
		for _, name := range []string{"spanmill_bus_lag_records", "spanmill_bus_lag_seconds"} {
			if v, ok := m.gauge(t, name, "0"); v != 0 || !ok {
				t.Errorf("%s = %v (shown: %v) after everything was committed", name, v, ok)
			}
		}
		m.leave()
		if _, ok := m.gauge(t, "spanmill_bus_lag_records", "0"); ok {
			t.Error("the series outlived the assignment")
		}
	})
}

func TestReadRange(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 20)
		if err := c.DeleteRecords(topic, 0, 5); err != nil {
			t.Fatal(err)
		}
		sources, handle := hands()
		c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		stop := errors.New("enough")
		for _, tt := range []struct {
			from, to, first int64
			n               int
			stop            error
		}{
			{from: 8, to: 12, first: 8, n: 4},
			{from: 0, to: 7, first: 5, n: 2},    // the log starts at 5
			{from: 18, to: 99, first: 18, n: 2}, // and ends at 20
			{from: 7, to: 7},
			{from: 6, to: 20, first: 6, n: 1, stop: stop},
		} {
			var seen []int64
			err := h.src.ReadRange(h.ctx, tt.from, tt.to, func(r *pipeline.Record) error {
				seen = append(seen, r.Offset)
				return tt.stop
			})
			if !errors.Is(err, tt.stop) || len(seen) != tt.n || tt.n > 0 && seen[0] != tt.first {
				t.Errorf("[%d, %d): saw %v, %v", tt.from, tt.to, seen, err)
			}
		}
		start, end, err := h.src.Bounds(h.ctx)
		if start != 5 || end != 20 || err != nil {
			t.Errorf("bounds are %d, %d, %v", start, end, err)
		}
	})
}
