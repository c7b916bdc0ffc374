package aggregator

import (
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Tried is what came of records that were only tried.
type Tried struct {
	Spans, Duplicates, Invalid uint64
	// Failures are how often an expression of metrics.yaml failed, or its value was
	// out of range.
	Failures uint64
	Rollups  []rollup.Rollup
}

// Trial counts records that somebody kept, as an aggregator would, to show what
// comes of them.
type Trial struct {
	core *core
	next int64
}

// NewTrial begins one; nothing is priced but what spans report.
func NewTrial(cfg Config) *Trial {
	return &Trial{core: newCore(cfg, pipeline.Log{Topic: schema.TopicSpans}, ReportedCost{})}
}

// Take counts a record.
func (t *Trial) Take(r pipeline.Record) {
	r.Topic, r.Offset = schema.TopicSpans, t.next
	t.next++
	t.core.take(&r)
}

// End gives what was counted.
func (t *Trial) End() (Tried, error) {
	n := t.core.counts
	out := Tried{Spans: n.spans, Duplicates: n.duplicates, Invalid: n.invalid + n.undecodable, Failures: n.failed}
	k := newPacker(1)
	for _, r := range k.pack(t.core.catalogue) {
		err := rollup.Decode(r.Value, func(r *rollup.Rollup) error {
			out.Rollups = append(out.Rollups, *r)
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
