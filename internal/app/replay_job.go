package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/writer/audit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	// replaySession is how long the group waits for a replay that is silent.
	replaySession = 10 * time.Second
	// replayPatience is how long a replay waits for another one to be over: a
	// little longer than the group remembers one that was killed.
	replayPatience = replaySession + 10*time.Second
	// replayWatch is how often it makes sure that it is alone.
	replayWatch = time.Second
)

// errAnotherReplay: they would hand partitions to and fro, and end neither.
var errAnotherReplay = errors.New("another replay is running: let it end")

// errReplayed ends a member whose work is done.
var errReplayed = errors.New("replayed")

// replayJob is one replay as the only member of its group. Leases keep what is
// left of a former one from inserting beside it.
type replayJob struct {
	extents  []audit.Extent
	replayer *audit.Replayer
	finish   context.CancelCauseFunc
}

// run takes part until every partition has been replayed.
func (j *replayJob) run(ctx context.Context, h *records, group string, log *slog.Logger) error {
	if j.done() {
		return nil
	}
	if err := awaitNobody(ctx, h.observer, group); err != nil {
		return err
	}
	cfg := bus.DefaultConsumer()
	cfg.Group, cfg.Topics = group, []string{schema.TopicSpans, schema.TopicEvents}
	cfg.SessionTimeout, cfg.HeartbeatInterval = replaySession, replaySession/5
	kafka := h.kafka
	kafka.ClientID = "spanmill-replay-" + strings.ToLower(rand.Text())
	kafka.GroupProtocol = bus.ProtocolClassic // its generations fence lost leases on every broker
	consumer, err := bus.NewConsumer(kafka, cfg, bus.ConsumerDeps{Start: bus.AtLogStart, Log: log, Reg: prometheus.NewRegistry()})
	if err != nil {
		return err
	}
	inner, finish := context.WithCancelCause(ctx)
	defer finish(nil)
	j.finish = finish
	go j.watch(inner, h.observer, group, kafka.ClientID) // ends with inner
	if err := consumer.Run(inner, j.partition); err != nil {
		return err
	}
	if cause := context.Cause(inner); !errors.Is(cause, errReplayed) {
		return fmt.Errorf("replay: %w; what was stored stays, run it again for the rest", cause)
	}
	return nil
}

// awaitNobody waits for a former replay to end, or to be given up by the group.
func awaitNobody(ctx context.Context, o *bus.Observer, group string) error {
	tick := time.NewTicker(replayWatch)
	defer tick.Stop()
	for until := time.Now().Add(replayPatience); ; {
		members, err := o.Members(ctx, group)
		switch {
		case err != nil:
			return advised(err, bus.Advice)
		case len(members) == 0:
			return nil
		case time.Now().After(until):
			return errAnotherReplay
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch gives way when two have begun at the same moment: all but one do.
func (j *replayJob) watch(ctx context.Context, o *bus.Observer, group, me string) {
	tick := time.NewTicker(replayWatch)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		// An error here is no reason to stop: leases are what is relied on.
		if members, err := o.Members(ctx, group); err == nil && len(members) > 0 && slices.Min(members) < me {
			j.finish(errAnotherReplay)
			return
		}
	}
}

// done reports whether there is nothing left to replay.
func (j *replayJob) done() bool {
	for _, e := range j.extents {
		if e.From < min(e.To, e.Committed) && !j.replayer.Done(e.Log) {
			return false
		}
	}
	return true
}

// partition replays one partition for as long as it is ours.
func (j *replayJob) partition(ctx context.Context, src pipeline.Source) error {
	for _, e := range j.extents {
		if e.Log != src.Log() {
			continue
		}
		if err := j.replay(ctx, src, e); err != nil {
			return err
		}
	}
	if j.done() {
		j.finish(errReplayed)
	}
	select {
	case <-src.Draining():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// replay does one partition. What a new member may do better is left to it,
// everything else ends the replay.
func (j *replayJob) replay(ctx context.Context, src pipeline.Source, e audit.Extent) error {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with inner: nothing that is under way needs to be finished
		select {
		case <-src.Draining():
			stop()
		case <-inner.Done():
		}
	}()
	err := j.replayer.Partition(inner, src, e)
	if err == nil || inner.Err() != nil || errors.Is(err, pipeline.ErrLost) || errors.Is(err, pipeline.ErrAmbiguous) {
		return err
	}
	j.finish(err)
	return err
}
