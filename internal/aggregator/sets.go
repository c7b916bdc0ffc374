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

// hashOf is what a series is sent to its partition by: it depends on its words
// alone.
func hashOf(s *series) uint64 {
	var d xxhash.Digest
	d.Reset()
	text := func(t string) {
		_, _ = d.WriteString(t)
		_, _ = d.Write([]byte{0})
	}
	text(s.view.name)
	text(s.tenant)
	if s.eval {
		text("eval")
	}
	for _, l := range s.labels {
		text(l)
	}
	return d.Sum64()
}

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
