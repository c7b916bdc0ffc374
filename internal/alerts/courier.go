package alerts

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// job is what a courier carries: a notice, or what fires, again.
type job struct {
	key string
	owed
	again []*Notice
}

// outcome is what became of a notice.
type outcome string

const (
	outcomeSent    outcome = "sent"
	outcomeRefused outcome = "refused" // the receiver will never take it
	outcomeGivenUp outcome = "given_up"
	outcomeFull    outcome = "queue_full"
)

// result is a notice and what became of it.
type result struct {
	key string
	owed
	outcome outcome
}

// courier carries notices to one receiver, one after the other, so that they
// arrive in the order in which they happened.
type courier struct {
	to      Receiver
	cfg     Config
	post    poster
	queue   chan job
	results chan<- result
	done    chan struct{}
	log     *slog.Logger
}

// courier starts one that ends with ctx.
func (k *Keeper) courier(ctx context.Context, to Receiver, results chan<- result) *courier {
	c := &courier{
		to: to, cfg: k.cfg, post: poster{k.d.HTTP, k.cfg.Timeout}, queue: make(chan job, k.cfg.MaxOwed), results: results,
		done: make(chan struct{}), log: k.d.Log.With("receiver", to.Name),
	}
	go c.run(ctx)
	return c
}

// offer hands a job over; false: the queue is full.
func (c *courier) offer(j job) bool {
	select {
	case c.queue <- j:
		return true
	default:
		return false
	}
}

func (c *courier) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case j := <-c.queue:
			if j.again != nil {
				if err := c.post.send(ctx, c.to, j.again); err != nil && ctx.Err() == nil {
					c.log.Warn("what fires could not be told again", "err", err)
				}
				continue
			}
			what := c.deliver(ctx, j.Notice)
			if what == "" {
				return // the next owner sends it
			}
			select {
			case c.results <- result{j.key, j.owed, what}:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// errRefused: the receiver will not take it, however often it is asked.
var errRefused = errors.New("refused")

// deliver tries until it succeeds, the receiver refuses for good, or patience
// ends; "": ctx ended.
func (c *courier) deliver(ctx context.Context, n *Notice) outcome {
	wait := pipeline.Backoff{Min: time.Second, Max: time.Minute}
	until := time.Now().Add(c.cfg.Patience)
	for {
		err := c.post.send(ctx, c.to, []*Notice{n})
		switch {
		case err == nil:
			return outcomeSent
		case ctx.Err() != nil:
			return ""
		case errors.Is(err, errRefused):
			c.log.Error("a notice was refused", "rule", n.Rule, "status", n.Status, "id", n.ID, "err", err)
			return outcomeRefused
		case !time.Now().Before(until):
			c.log.Error("a notice is given up", "rule", n.Rule, "status", n.Status, "id", n.ID, "err", err)
			return outcomeGivenUp
		}
		c.log.Warn("a notice is tried again", "rule", n.Rule, "status", n.Status, "err", err)
		if wait.Wait(ctx) != nil {
			return ""
		}
	}
}
