package aggregator

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/spanmill/spanmill/pkg/schema"
)

func (s metricSet) len() int { return bits.OnesCount32(uint32(s)) }

// rank is the place of a metric among the set's.
func (s metricSet) rank(m metric) int { return bits.OnesCount32(uint32(s & (1<<m - 1))) }

func (s metricSet) first() metric { return metric(bits.TrailingZeros32(uint32(s))) }

// requestOf stands for what a model was asked, 0 if that is not known: the same
// question to the same model has the same number.
func requestOf(g *schema.GenAI) uint64 {
	if g.Input == "" {
		return 0
	}
	var d xxhash.Digest
	d.Reset()
	for _, t := range []string{g.Provider, g.Model, g.Input} {
		_, _ = d.WriteString(t)
		_, _ = d.Write([]byte{0})
	}
	return max(d.Sum64(), 1)
}
