package aggregator

import (
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// maxRecordBytes is what a record of topic rollups is packed to.
const maxRecordBytes = 1 << 20

// packer makes records of what was added to series.
type packer struct {
	partitions int // of topic rollups
	open       [][]byte
	records    []pipeline.Record
	tells      []metricSet // of the panes of a series
	size       int         // of the largest record so far
}

// pack gives the records of all touched series. They are the caller's.
func (k *packer) pack(touched []*series) []pipeline.Record {
	k.open = make([][]byte, k.partitions)
	k.records = nil
	for _, s := range touched {
		p := int(s.hash % uint64(k.partitions))
		if k.open[p] == nil {
			k.open[p] = rollup.AppendHeader(make([]byte, 0, k.size))
		}
		k.open[p] = k.append(k.open[p], s)
		if len(k.open[p]) >= maxRecordBytes {
			k.close(p)
		}
	}
	for p := range k.open {
		k.close(p)
	}
	return k.records
}

// close ends the record that is packed for a partition.
func (k *packer) close(p int) {
	if k.open[p] == nil {
		return
	}
	k.size = max(k.size, len(k.open[p]))
	k.records = append(k.records, pipeline.Record{
		Topic: schema.TopicRollups, Partition: int32(p), Value: k.open[p],
		Headers: []pipeline.Header{{Key: schema.HeaderVersion, Value: []byte(schema.RollupsVersion)}},
	})
	k.open[p] = nil
}

// append adds what was added to a series; nothing if that is nothing.
func (k *packer) append(b []byte, s *series) []byte {
	k.tells = k.tells[:0]
	told := 0
	for i := range s.open {
		k.tells = append(k.tells, s.view.tells(&s.panes[i]))
		if k.tells[i] != 0 {
			told++
		}
	}
	if told == 0 {
		return b
	}
	b = rollup.AppendPanes(rollup.AppendSeries(b, &s.Series), told)
	for i, tells := range k.tells {
		if tells == 0 {
			continue
		}
		p := &s.panes[i]
		b = rollup.AppendPane(b, p.start, tells.len())
		for tells != 0 {
			m := tells.first()
			tells &^= 1 << m
			b = rollup.AppendMetric(b, s.view.definition(m).name, &p.content[s.view.metrics.rank(m)])
		}
	}
	return b
}

// tells are the metrics to which something was added.
func (v *view) tells(p *pane) (s metricSet) {
	for left := p.have; left != 0; {
		m := left.first()
		left &^= 1 << m
		if !p.content[v.metrics.rank(m)].Zero() {
			s |= 1 << m
		}
	}
	return s
}
