package bus_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

const listLength = 6

// sendList sends what is left of a list of records, one in each transaction.
func (c *cluster) sendList(ctx context.Context) error {
	s, err := bus.OpenSender(ctx, c.cfg, "list", outTopic, c.log)
	if err != nil {
		return err
	}
	defer s.Close()
	for n := s.Sent(); n < listLength; n++ {
		if err := s.Send(ctx, []pipeline.Record{out(int32(n%2), fmt.Sprintf("r%d", n))}, n+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) expectList() {
	c.t.Helper()
	c.expectOut("r0", "r1", "r2", "r3", "r4", "r5")
	g := c.GroupInfo("list")
	if g == nil || g.Commits[outTopic][0].Metadata != fmt.Sprint(listLength) || g.Commits[outTopic][0].Offset != 0 {
		c.t.Errorf("the group holds %+v", g)
	}
}

// TestListIsSentOnce: wherever sending a list is cut off, the next one sends what
// is missing.
func TestListIsSentOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(c *cluster, left *int)
	}{
		{"nothing happens", func(*cluster, *int) {}},
		{"progress is refused", func(c *cluster, _ *int) {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.FencedInstanceID})
		}},
		{"the end does not arrive", func(c *cluster, left *int) {
			c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				*left--
				return nil, errors.New("connection lost"), *left < 0
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, k *cluster) {
				k.outTopic()
				left := 2 // transactions that end
				c.cut(k, &left)
				err := k.sendList(t.Context())
				if cut := c.name != "nothing happens"; (err != nil) != cut {
					t.Fatal(err)
				}
				left = 1 << 30
				for range 2 { // the second time nothing is left to send
					if err := k.sendList(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				k.expectList()
			})
		})
	}
}

// TestListHasOneSender: whoever opens a list fences the one before.
func TestListHasOneSender(t *testing.T) {
	bubble(t, 1, func(t *testing.T, c *cluster) {
		c.outTopic()
		old, err := bus.OpenSender(t.Context(), c.cfg, "list", outTopic, c.log)
		if err != nil {
			t.Fatal(err)
		}
		defer old.Close()
		if err := old.Send(t.Context(), []pipeline.Record{out(0, "r0")}, 1); err != nil {
			t.Fatal(err)
		}
		if err := c.sendList(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := old.Send(t.Context(), []pipeline.Record{out(1, "r1")}, 2); err == nil {
			t.Error("a former sender goes on")
		}
		c.expectList()
	})
}
