package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/telemetry"
	"github.com/spanmill/spanmill/internal/writer/audit"
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
func (r replayCommand) Validate() error {
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
	p.sayf("waiting %s, until no insert of a writer's can land any more", h.writer.Pipeline.Deadline)
	books, err := h.prices.load(log)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	job := &replayJob{extents: extents}
	job.replayer = &audit.Replayer{
		Config: h.writer, Log: h.observer, Tables: h.tables, Fill: h.tables, Letters: h.letters, Stored: newTables(h.store).Stored, Terms: h.terms,
		Tenant: r.Tenant, Books: books, Logger: log,
		Progress: func(e audit.Extent, next int64) {
			mu.Lock()
			defer mu.Unlock()
			p.sayf("partition %d of %d: replayed to offset %d of %d; %d rows of spans were missing", e.Log.Partition, e.Partitions, next, e.To, job.replayer.Result.Spans.Load())
		},
	}
	if err := job.run(ctx, h, r.Group+replaySuffix, log); err != nil {
		return err
	}
	return tellReplay(c, &job.replayer.Result)
}

func tellReplay(c *console, res *audit.Result) error {
	text := fmt.Sprintf("replayed %d records: %d rows of spans and %d of trace_parts were missing", res.Records.Load(), res.Spans.Load(), res.Parts.Load())
	if n := res.Events.Load(); n > 0 {
		text += fmt.Sprintf("; %d rows of events were missing", n)
	}
	if n := res.Undecided.Load(); n > 0 {
		text += fmt.Sprintf("; %d records at the beginning of the log may hold resends of what is gone, nothing of them was stored", n)
	}
	if n := res.Cut.Load(); n > 0 {
		text += fmt.Sprintf("; of %d batches the log has a part only, their sums were not stored", n)
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}
