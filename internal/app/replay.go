package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/internal/writer/audit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// replayCommand stores what the tables lack of a range of the log.
type replayCommand struct {
	history
	From     bound  `help:"Where to begin: an offset of each partition, or a time (2026-11-27T15:04:05Z); 0 is where the log begins." required:"" placeholder:"PLACE"`
	To       bound  `help:"Where to end, itself not included; else, and at most, what the writers have committed." placeholder:"PLACE"`
	Tenant   string `help:"Only rows of this tenant."`
	LogLevel string `help:"debug, info, warn or error." default:"warn"`
}

// Validate implements kong's hook.
func (r *replayCommand) Validate() error {
	return errors.Join(r.check(), checkBounds(r.From, r.To))
}

// replaySuffix ends the name of the group by whose leases replays keep out of
// each other's way.
const replaySuffix = "-replay"

// Run implements the command.
func (r replayCommand) Run(c *console) error {
	log, err := telemetry.NewLogger(c.err, r.LogLevel)
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), log)
	defer stop()
	h, err := r.open(ctx, log)
	if err != nil {
		return err
	}
	defer h.close()
	extents, err := h.extents(ctx, r.From, r.To)
	if err != nil {
		return err
	}
	p := &progress{w: c.err}
	p.say("waiting %s, until no insert of a writer's can land any more", h.writer.Pipeline.Deadline)
	var mu sync.Mutex
	job := &replayJob{extents: extents}
	job.replayer = &audit.Replayer{
		Config: h.writer, Log: h.observer, Tables: h.tables, Fill: h.tables, Letters: h.letters, Terms: h.terms,
		Tenant: r.Tenant, Logger: log,
		Progress: func(e audit.Extent, next int64) {
			mu.Lock()
			defer mu.Unlock()
			p.say("partition %d of %d: replayed to offset %d of %d; %d rows of spans were missing", e.Log.Partition, e.Partitions, next, e.To, job.replayer.Result.Spans.Load())
		},
	}
	group := bus.DefaultConsumer()
	group.Group, group.Topics = r.Group+replaySuffix, []string{schema.TopicSpans}
	kafka := h.kafka
	kafka.GroupProtocol = bus.ProtocolClassic // its generations fence a lost lease everywhere
	consumer, err := bus.NewConsumer(kafka, group, bus.ConsumerDeps{Start: bus.AtLogStart, Log: log, Reg: prometheus.NewRegistry()})
	if err != nil {
		return err
	}
	if err := job.run(ctx, consumer); err != nil {
		return err
	}
	return tellReplay(c, &job.replayer.Result)
}

func tellReplay(c *console, res *audit.Result) error {
	text := fmt.Sprintf("replayed %d records: %d rows of spans and %d of trace_parts were missing", res.Records.Load(), res.Spans.Load(), res.Parts.Load())
	if n := res.Undecided.Load(); n > 0 {
		text += fmt.Sprintf("; %d records at the beginning of the log may hold resends of what is gone, nothing of them was stored", n)
	}
	if n := res.Cut.Load(); n > 0 {
		text += fmt.Sprintf("; of %d batches the log has a part only, their sums were not stored", n)
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}

// replayJob is one replay as a member of its group.
type replayJob struct {
	extents  []audit.Extent
	replayer *audit.Replayer
	finish   context.CancelCauseFunc
}

// errReplayed ends a member whose work is done.
var errReplayed = errors.New("replayed")

// run takes part until every partition has been replayed by us. Another replay
// that is at it, too, takes its share and hands it over when it is done.
func (j *replayJob) run(ctx context.Context, consumer *bus.Consumer) error {
	inner, finish := context.WithCancelCause(ctx)
	defer finish(nil)
	j.finish = finish
	if j.done() {
		return nil
	}
	if err := consumer.Run(inner, j.partition); err != nil {
		return err
	}
	if cause := context.Cause(inner); cause != nil && !errors.Is(cause, errReplayed) {
		return fmt.Errorf("replay: %w; what was stored stays, run it again for the rest", cause)
	}
	return nil
}

// done reports whether there is nothing left to replay.
func (j *replayJob) done() bool {
	for _, e := range j.extents {
		if e.From < min(e.To, e.Committed) && !j.replayer.Done(e.Log.Partition) {
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
	if err == nil || ctx.Err() != nil || errors.Is(err, pipeline.ErrLost) || errors.Is(err, pipeline.ErrAmbiguous) {
		return err
	}
	j.finish(err)
	return err
}
