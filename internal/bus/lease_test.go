package bus_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

func TestACommitReachesTheNextOwner(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.produce(0, 9)
		sources, handle := hands()
		a := c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		for _, metadata := range []string{"intent", "the same offset, another intent"} {
			if err := h.src.Commit(h.ctx, 7, metadata); err != nil {
				t.Fatal(err)
			}
		}
		a.leave()
		c.join(tuning{}, handle)
		h = receive(t, sources, "the source again")
		want := pipeline.Committed{Offset: 7, Metadata: "the same offset, another intent"}
		if got := h.src.Committed(); got != want || h.src.Start() != 7 {
			t.Errorf("next owner begins at %d with %v, want %v", h.src.Start(), got, want)
		}
	})
}

func TestNoCommitAfterRevocation(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		c.join(tuning{}, handle)
		first := []hand{receive(t, sources, "two sources"), receive(t, sources, "two sources")}
		c.join(tuning{}, handle)
		moved := receive(t, sources, "the moved source")
		if err := moved.src.Commit(moved.ctx, 3, "new owner"); err != nil {
			t.Fatal(err)
		}
		for _, h := range first {
			err := h.src.Commit(context.Background(), 1, "old owner")
			lost := h.src.Log().Partition == moved.src.Log().Partition
			if lost != errors.Is(err, pipeline.ErrLost) || !lost && err != nil {
				t.Errorf("partition %d (moved: %v): commit gave %v", h.src.Log().Partition, lost, err)
			}
			if lost && h.ctx.Err() == nil {
				t.Error("the old owner's context goes on")
			}
		}
		if got := c.committed(moved.src.Log().Partition); got != "3 new owner" {
			t.Errorf("group holds %q", got)
		}
	})
}

// A commit that is outstanding when the revocation comes is waited for: once
// the group hears that we let go, nothing of ours is under way.
func TestRevocationWaitsForTheOutstandingCommit(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		c.join(tuning{}, handle)
		first := []hand{receive(t, sources, "two sources"), receive(t, sources, "two sources")}
		held := make(chan struct{}, 2)
		c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			held <- struct{}{}
			c.SleepControl(func() { <-time.After(2 * time.Second) })
			return nil, nil, false
		})
		answers := make(chan error, 2)
		for _, h := range first {
			go func() { answers <- h.src.Commit(h.ctx, 2, "in time") }()
		}
		receive(t, held, "the commit")
		c.join(tuning{}, handle)
		moved := receive(t, sources, "the moved source")
		for range 2 {
			if err := receive(t, answers, "the answers"); err != nil && !errors.Is(err, pipeline.ErrLost) {
				t.Errorf("commit: %v", err)
			}
		}
		if got := moved.src.Committed(); got.Offset != 2 && got.Offset != -1 {
			t.Errorf("the next owner read %v", got)
		}
		if got, want := c.committed(moved.src.Log().Partition), "2 in time"; moved.src.Committed().Offset == -1 && got == want {
			t.Error("a commit landed after the next owner had read back")
		}
	})
}

// What can become of a commit whose answer never comes.
type fate struct {
	name string
	// plant makes it so for the first commit. late is when it may land.
	plant func(c *cluster, late <-chan struct{})
	want  pipeline.Committed // read back by the new member
}

func firstCommit(c *cluster, answer func() (kmsg.Response, error, bool)) {
	seen := false
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		if seen {
			return nil, nil, false
		}
		seen = true
		c.KeepControl()
		return answer()
	})
}

var fates = []fate{
	{"connection cut", func(c *cluster, _ <-chan struct{}) {
		firstCommit(c, func() (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
	}, pipeline.Committed{Offset: -1}},
	{"never answered", func(c *cluster, _ <-chan struct{}) {
		firstCommit(c, func() (kmsg.Response, error, bool) { return nil, nil, true })
	}, pipeline.Committed{Offset: -1}},
	{"applied and not acknowledged", func(c *cluster, _ <-chan struct{}) {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.RequestTimedOut})
	}, pipeline.Committed{Offset: 1, Metadata: "who knows"}},
	{"landing after the new member's", func(c *cluster, late <-chan struct{}) {
		firstCommit(c, func() (kmsg.Response, error, bool) {
			c.SleepControl(func() { <-late })
			return nil, nil, false
		})
	}, pipeline.Committed{Offset: -1}},
}

func TestAnAmbiguousCommitIsReadBackByANewMember(t *testing.T) {
	for _, f := range fates {
		t.Run(f.name, func(t *testing.T) {
			bubble(t, 2, func(t *testing.T, c *cluster) {
				late := make(chan struct{})
				f.plant(c, late)
				sources, handle := hands()
				c.join(tuning{}, handle)
				byPartition := map[int32]hand{}
				for range 2 {
					h := receive(t, sources, "two sources")
					byPartition[h.src.Log().Partition] = h
				}
				h := byPartition[0]
				err := h.src.Commit(h.ctx, 1, "who knows")
				if !errors.Is(err, pipeline.ErrAmbiguous) {
					t.Fatalf("got %v, want ErrAmbiguous", err)
				}
				if again := h.src.Commit(h.ctx, 1, "who knows"); !errors.Is(again, pipeline.ErrAmbiguous) {
					t.Errorf("a second commit under the same lease: %v", again)
				}
				old := c.GroupInfo("g").Members[0].MemberID
				h.end <- err
				for range 2 {
					h := receive(t, sources, "both sources again")
					if got := h.src.Committed(); h.src.Log().Partition == 0 && got != f.want {
						t.Errorf("the new member read %v, want %v", got, f.want)
					}
					if err := h.src.Commit(h.ctx, 2, "known"); err != nil {
						t.Errorf("the new member's commit: %v", err)
					}
				}
				if byPartition[1].ctx.Err() == nil {
					t.Error("the other partition went on under the old member")
				}
				if now := c.GroupInfo("g").Members; len(now) != 1 || now[0].MemberID == old {
					t.Errorf("members are %v after %s", now, old)
				}
				close(late)
				synctest.Wait()
				if got := c.committed(0); got != "2 known" {
					t.Errorf("the group holds %q", got)
				}
			})
		})
	}
}

func TestRefusalsThatPassAreAnsweredWithTheSameContent(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.RebalanceInProgress, kerr.IllegalGeneration,
	} {
		t.Run(code.Message, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, c *cluster) {
				sources, handle := hands()
				c.join(tuning{}, handle)
				h := receive(t, sources, "the source")
				var sent []string
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: code, Count: 3, When: func(r kmsg.Request) bool {
					p := r.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0]
					sent = append(sent, fmt.Sprintf("%d %s", p.Offset, *p.Metadata))
					return true
				}})
				if err := h.src.Commit(h.ctx, 6, "frozen"); err != nil {
					t.Fatal(err)
				}
				for _, s := range sent {
					if s != "6 frozen" {
						t.Errorf("sent %q", s)
					}
				}
				if len(sent) < 3 || c.committed(0) != "6 frozen" {
					t.Errorf("%d refusals, then the group holds %q", len(sent), c.committed(0))
				}
			})
		})
	}
}

func TestDefiniteRefusals(t *testing.T) {
	for _, tt := range []struct {
		code *kerr.Error
		want error
	}{
		{kerr.UnknownMemberID, pipeline.ErrLost},
		{kerr.UnknownTopicID, pipeline.ErrLost},
		{kerr.RequestTimedOut, pipeline.ErrAmbiguous},
		{kerr.UnknownServerError, pipeline.ErrAmbiguous},
		{kerr.OffsetMetadataTooLarge, kerr.OffsetMetadataTooLarge},
	} {
		t.Run(tt.code.Message, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, c *cluster) {
				sources, handle := hands()
				c.join(tuning{}, handle)
				h := receive(t, sources, "the source")
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: tt.code, Count: -1})
				if err := h.src.Commit(h.ctx, 1, ""); !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

// Members come and go while one partition stays where it is: its owner's
// commits all succeed, in order, though each generation refuses the last's.
func TestCommitsGoOnAcrossRebalances(t *testing.T) {
	bubble(t, 2, func(t *testing.T, c *cluster) {
		var kept atomic.Int64
		stop := make(chan struct{})
		a := c.join(tuning{}, func(ctx context.Context, src pipeline.Source) error {
			for offset := int64(0); ; offset++ {
				err := src.Commit(ctx, offset, "")
				switch {
				case errors.Is(err, pipeline.ErrLost) && ctx.Err() != nil:
					return err
				case err != nil:
					t.Errorf("partition %d, offset %d: %v", src.Log().Partition, offset, err)
					return err
				}
				kept.Add(1)
				select {
				case <-time.After(50 * time.Millisecond):
				case <-src.Draining():
					return nil
				case <-stop:
					return idle(ctx, src)
				}
			}
		})
		synctest.Wait()
		generations := map[int32]bool{}
		for range 4 {
			b := c.join(tuning{}, idle)
			<-time.After(30 * time.Second)
			generations[c.GroupInfo("g").Epoch] = true
			b.leave()
			<-time.After(30 * time.Second)
			generations[c.GroupInfo("g").Epoch] = true
		}
		close(stop)
		if n := a.counter(t, "spanmill_bus_rejoins_total"); n != 0 {
			t.Errorf("an ordinary rebalance made the member leave %v times", n)
		}
		if len(generations) < 8 || kept.Load() < 1000 {
			t.Errorf("%d commits over %d generations: not what this test is about", kept.Load(), len(generations))
		}
	})
}

func TestALostMemberComesBack(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		sources, handle := hands()
		c.join(tuning{}, handle)
		h := receive(t, sources, "the source")
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
		again := receive(t, sources, "the source again")
		if h.ctx.Err() == nil {
			t.Error("the lost source goes on")
		}
		if err := h.src.Commit(context.Background(), 9, "zombie"); !errors.Is(err, pipeline.ErrLost) {
			t.Errorf("the lost source's commit: %v", err)
		}
		if err := again.src.Commit(again.ctx, 1, "owner"); err != nil {
			t.Error(err)
		}
	})
}
