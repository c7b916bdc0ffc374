package aggregator

import (
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// maxRecordBytes is what a record of topic rollups is packed to.
const maxRecordBytes = 1 << 20

// Packer makes records of topic rollups, each for the partition of its series.
type Packer struct {
	open    [][]byte // by partition; nil: none
	records []pipeline.Record
	bytes   int // packed and not taken
	last    int // bytes of the record that was closed last
}

// NewPacker packs for a topic of so many partitions.
func NewPacker(partitions int) *Packer { return &Packer{open: make([][]byte, partitions)} }

// Add packs a rollup.
func (k *Packer) Add(r *rollup.Rollup) {
	k.pack(r.Hash(), func(b []byte) []byte { return rollup.Append(b, r) })
}

// pack has a series of a hash appended to a record of its partition.
func (k *Packer) pack(hash uint64, add func([]byte) []byte) {
	p := int(hash % uint64(len(k.open)))
	b := k.open[p]
	before := len(b)
	if b == nil {
		b = rollup.AppendHeader(make([]byte, 0, k.last))
	}
	b = add(b)
	k.bytes += len(b) - before
	if k.open[p] = b; len(b) >= maxRecordBytes {
		k.close(p)
	}
}

// Bytes are how many Records would give now.
func (k *Packer) Bytes() int { return k.bytes }

// Records are what was packed since they were taken last. They are the caller's.
func (k *Packer) Records() []pipeline.Record {
	for p := range k.open {
		k.close(p)
	}
	out := k.records
	k.records, k.bytes = nil, 0
	return out
}

// close ends the record that is packed for a partition.
func (k *Packer) close(p int) {
	if k.open[p] == nil {
		return
	}
	k.last = len(k.open[p])
	k.records = append(k.records, pipeline.Record{
		Topic: schema.TopicRollups, Partition: int32(p), Value: k.open[p],
		Headers: []pipeline.Header{{Key: schema.HeaderVersion, Value: []byte(schema.RollupsVersion)}},
	})
	k.open[p] = nil
}

// packer packs what was added to series.
type packer struct {
	*Packer
	tells []metricSet // of the panes of a series
}

func newPacker(partitions int) packer { return packer{Packer: NewPacker(partitions)} }

// pack gives the records of all touched series. They are the caller's.
func (k *packer) pack(c *catalogue) []pipeline.Record {
	for i := range c.touched {
		t := &c.touched[i]
		if told := k.told(t.panes); told > 0 {
			k.Packer.pack(t.series.hash, func(b []byte) []byte { return k.append(b, c, t, told) })
		}
	}
	return k.Records()
}

// told works out which metrics each pane of a series tells, and in how many panes
// there are any.
func (k *packer) told(panes []pane) (n int) {
	k.tells = k.tells[:0]
	for i := range panes {
		tells := panes[i].tells()
		if k.tells = append(k.tells, tells); tells != 0 {
			n++
		}
	}
	return n
}

// append adds what was added to a series, which told was asked about last.
func (k *packer) append(b []byte, c *catalogue, t *touched, told int) []byte {
	b = rollup.AppendPanes(rollup.AppendSeries(b, c.wordsOf(t.series)), told)
	for i, tells := range k.tells {
		if tells == 0 {
			continue
		}
		p := &t.panes[i]
		b = rollup.AppendPane(b, p.start, tells.len())
		for tells != 0 {
			m := tells.first()
			tells &^= 1 << m
			b = rollup.AppendMetric(b, p.view.definition(m).name, p.partial(m))
		}
	}
	return b
}

// tells are the metrics to which something was added.
func (p *pane) tells() (s metricSet) {
	for left := p.have; left != 0; {
		m := left.first()
		left &^= 1 << m
		if !p.partial(m).Zero() {
			s |= 1 << m
		}
	}
	return s
}
