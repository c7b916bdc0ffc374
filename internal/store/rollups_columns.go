package store

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// numberMap is a Map of numbers to numbers. Pairs are added to keys and values
// alike; close ends the row's map.
type numberMap[K, V comparable] struct {
	ends   ends
	keys   fixed[K]
	values fixed[V]
}

func (c *numberMap[K, V]) as(key, value proto.ColumnType) *numberMap[K, V] {
	c.keys.as(key)
	c.values.as(value)
	return c
}

func (c *numberMap[K, V]) close()    { c.ends.add(c.keys.Rows()) }
func (c *numberMap[K, V]) Rows() int { return len(c.ends.offsets) }

func (c *numberMap[K, V]) size() int {
	return 8*len(c.ends.offsets) + c.keys.size() + c.values.size()
}

func (c *numberMap[K, V]) Type() proto.ColumnType {
	return proto.ColumnTypeMap.Sub(c.keys.Type(), c.values.Type())
}

func (c *numberMap[K, V]) reset() {
	c.ends.reset()
	c.keys.reset()
	c.values.reset()
}

func (c *numberMap[K, V]) EncodeColumn(b *proto.Buffer) {
	c.ends.offsets.EncodeColumn(b)
	c.keys.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

func (c *numberMap[K, V]) WriteColumn(w *proto.Writer) {
	c.ends.offsets.WriteColumn(w)
	c.keys.WriteColumn(w)
	c.values.WriteColumn(w)
}

// RollupBlock is rows of table rollups. The zero value is not usable; see
// NewRollupBlock.
type RollupBlock struct {
	columns

	tenant, view, metric dict
	isEval               fixed[uint8]
	labels               dictMap[text, *text]
	pane                 fixed[uint32]
	count, sum           fixed[int64]
	weight, estimated    fixed[int64]
	least, greatest      fixed[int64]
	buckets              numberMap[int16, uint64]
	registers            numberMap[uint16, uint8]
	receivedAt           fixed[int64]
	partDay              fixed[uint16]
	retentionDays        fixed[uint16]
	src                  sourceColumns
	srcIndex             fixed[uint32]
}

// NewRollupBlock makes an empty block.
func NewRollupBlock() *RollupBlock {
	b := &RollupBlock{}
	b.list = []namedColumn{
		{"tenant", &b.tenant},
		{"view", &b.view},
		{"metric", &b.metric},
		{"is_eval", b.isEval.as(typeBool)},
		{"labels", &b.labels},
		{"pane", b.pane.as(typeSecond)},
		{"count", b.count.as(typeInt64)},
		{"sum", b.sum.as(typeInt64)},
		{"weight", b.weight.as(typeInt64)},
		{"estimated", b.estimated.as(typeInt64)},
		{"min", b.least.as(typeInt64)},
		{"max", b.greatest.as(typeInt64)},
		{"buckets", b.buckets.as(typeInt16, typeUInt64)},
		{"registers", b.registers.as(typeUInt16, typeUInt8)},
		{"received_at", b.receivedAt.as(typeMilli)},
		{"part_day", b.partDay.as(typeDate)},
		{"retention_days", b.retentionDays.as(typeUInt16)},
		{"src_log", &b.src.log},
		{"src_partition", b.src.partition.as(typeInt32)},
		{"src_offset", b.src.offset.as(typeInt64)},
		{"src_index", b.srcIndex.as(typeUInt32)},
	}
	return b
}

// Append adds one row and copies all it needs of r.
func (b *RollupBlock) Append(r *rollup.Row) {
	m := r.Metric
	b.tenant.add(r.Tenant)
	b.view.add(r.View)
	b.metric.add(m.Name)
	b.isEval.add(bit(r.Eval))
	for _, l := range r.Labels {
		b.labels.keys.add(l.Name)
		b.labels.values.add(l.Value)
	}
	b.labels.close()
	b.pane.add(uint32(min(max(r.Start, 0), math.MaxUint32)))
	b.count.add(m.Count)
	b.sum.add(m.Sum)
	b.weight.add(m.Weight)
	b.estimated.add(m.Estimated)
	if m.Bounded {
		b.least.add(m.Min)
		b.greatest.add(m.Max)
	} else { // so that min and max over rows need no care
		b.least.add(math.MaxInt64)
		b.greatest.add(math.MinInt64)
	}
	for _, x := range m.Hist {
		b.buckets.keys.add(x.Index)
		b.buckets.values.add(x.Count)
	}
	b.buckets.close()
	for _, x := range m.Distinct {
		b.registers.keys.add(x.Index)
		b.registers.values.add(x.Rank)
	}
	b.registers.close()
	b.receivedAt.add(r.ReceivedMilli)
	b.partDay.add(r.PartDay)
	b.retentionDays.add(r.RetentionDays)
	b.src.log.add(r.Log)
	b.src.partition.add(r.Partition)
	b.src.offset.add(r.Offset)
	b.srcIndex.add(r.Index)
	b.rows++
}
