package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spanmill/spanmill/internal/aggregator"
	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// correctionGroup begins the names of the groups by which corrections of metrics
// are sent once.
const correctionGroup = "spanmill-reprice-"

// correctionBytes is what goes into one transaction: it must end well before its
// time-out on a slow network.
const correctionBytes = 4 << 20

// corrector adds corrections to topic rollups, beside what was streamed.
type corrector struct {
	kafka      bus.Config
	partitions int // of the topic
	log        *slog.Logger
}

// Correct implements store.Metrics. The list's panes are counted: what was sent
// by a run that was cut off is left out.
func (c corrector) Correct(ctx context.Context, name string, list func(visit func(*rollup.Rollup) error) error) error {
	var to *bus.Sender // nothing is opened for nothing
	defer func() {
		if to != nil {
			to.Close()
		}
	}()
	packer := aggregator.NewPacker(c.partitions)
	seen := int64(0)
	send := func() error {
		records := packer.Records()
		for i := range records {
			records[i].Headers = append(records[i].Headers, pipeline.Header{Key: schema.HeaderCorrection, Value: []byte(correctionGroup + name)})
		}
		return to.Send(ctx, records, seen)
	}
	err := list(func(r *rollup.Rollup) (err error) {
		if to == nil {
			if to, err = bus.OpenSender(ctx, c.kafka, correctionGroup+name, schema.TopicRollups, c.log); err != nil {
				return advised(err, bus.Advice)
			}
		}
		sent := max(to.Sent()-seen, 0)
		seen += int64(len(r.Panes))
		if sent >= int64(len(r.Panes)) {
			return nil
		}
		r.Panes = r.Panes[sent:]
		if packer.Add(r); packer.Bytes() < correctionBytes {
			return nil
		}
		return send()
	})
	if err == nil && packer.Bytes() > 0 {
		err = send()
	}
	if err != nil {
		return fmt.Errorf("send corrections: %w", err)
	}
	return nil
}
