package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Bounds of what is sent at once.
const (
	redriveRecords = 500
	redriveBytes   = 8 << 20
)

type redriveLetterCommand struct {
	letterBox
	letterFilter
	All    bool   `help:"Re-drive all that there are: without a filter this has to be said."`
	Value  string `help:"File with the mended value of the one letter that is chosen: OTLP protobuf with the same spans in the same order." type:"path"`
	DryRun bool   `help:"Only list what would be sent."`
}

// Run implements the command.
func (d redriveLetterCommand) Run(c *console) error {
	if d.letterFilter == (letterFilter{}) && !d.All {
		return errors.New("which ones? Choose by --reason, --tenant, --origin, --offset, --since, --until or --limit, or say --all")
	}
	match, err := d.matcher(time.Now())
	if err != nil {
		return err
	}
	var value []byte
	if d.Value != "" {
		if value, err = os.ReadFile(d.Value); err != nil {
			return fmt.Errorf("read the mended value: %w", err)
		}
	}
	return d.read(c, func(ctx context.Context, r reading) error {
		chosen, err := d.choose(ctx, r, match)
		if err != nil {
			return err
		}
		if d.Value != "" && len(chosen) != 1 {
			return fmt.Errorf("%d dead letters are chosen: a mended value is for one", len(chosen))
		}
		p, err := bus.NewProducer(r.bus, r.log, prometheus.NewRegistry())
		if err != nil {
			return err
		}
		defer p.Close()
		out := &outbox{producer: p, list: newLetterList(c.out), dry: d.DryRun}
		err = r.each(ctx, func(letter *pipeline.Record) bool { return chosen[placeOf(letter)] }, func(letter *pipeline.Record) error {
			if value != nil {
				letter = mended(letter, value)
			}
			return out.add(ctx, letter)
		})
		if err == nil {
			err = out.send(ctx)
		}
		return errors.Join(err, out.end(c))
	})
}

// choose gives the places of the letters to send. Of several letters about the
// same spans the newest goes: one that was re-driven and failed again has left
// another.
func (d redriveLetterCommand) choose(ctx context.Context, r reading, match func(*pipeline.Record) bool) (map[place]bool, error) {
	newest := make(map[[2]string]place)
	n := 0
	err := r.each(ctx, match, func(letter *pipeline.Record) error {
		if d.Limit > 0 && n == d.Limit {
			return errEnough
		}
		n++
		newest[[2]string{letter.Header(schema.HeaderOrigin), letter.Header(schema.HeaderSpans)}] = placeOf(letter)
		return nil
	})
	chosen := make(map[place]bool, len(newest))
	for _, p := range newest {
		chosen[p] = true
	}
	return chosen, err
}

// mended is the letter with another value, in the format of this binary.
func mended(letter *pipeline.Record, value []byte) *pipeline.Record {
	m := *letter
	m.Value = value
	m.Headers = slices.DeleteFunc(slices.Clone(letter.Headers), func(h pipeline.Header) bool {
		return h.Key == schema.HeaderOmitted || h.Key == schema.HeaderVersion
	})
	m.Headers = append(m.Headers, pipeline.Header{Key: schema.HeaderVersion, Value: []byte(schema.SpansVersion)})
	return &m
}

// outbox sends re-driven records, some at a time.
type outbox struct {
	producer *bus.Producer
	list     letterList
	dry      bool

	records       []pipeline.Record
	bytes         int
	sent, skipped int
}

// add takes a letter, or says why it stays.
func (o *outbox) add(ctx context.Context, letter *pipeline.Record) error {
	r, problem := writer.Redriven(letter)
	if problem == nil {
		partitions, err := o.producer.Partitions(ctx, r.Topic)
		if err != nil {
			return err
		}
		if int(r.Partition) >= partitions {
			problem = fmt.Errorf("topic %s has %d partitions, not that of its origin", r.Topic, partitions)
		}
	}
	if problem != nil {
		o.skipped++
		o.list.add(letter, "stays: "+problem.Error())
		return nil //nolint:nilerr // told in the list; the others go on
	}
	if o.list.add(letter, ""); o.dry {
		o.sent++
		return nil
	}
	o.records, o.bytes = append(o.records, r), o.bytes+len(r.Value)
	if len(o.records) < redriveRecords && o.bytes < redriveBytes {
		return nil
	}
	return o.send(ctx)
}

// send waits until what was added is in the log.
func (o *outbox) send(ctx context.Context) error {
	if err := o.producer.Produce(ctx, o.records); err != nil {
		return fmt.Errorf("%d were re-driven, of %d more it is not known (run it again: none lands twice): %w", o.sent, len(o.records), err)
	}
	o.sent += len(o.records)
	o.records, o.bytes = nil, 0
	return nil
}

func (o *outbox) end(c *console) error {
	done := "re-driven"
	if o.dry {
		done = "would be re-driven"
	}
	err := o.list.end()
	if err == nil {
		_, err = fmt.Fprintf(c.out, "%d %s, %d stay\n", o.sent, done, o.skipped)
	}
	return err
}
