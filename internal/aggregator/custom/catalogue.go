package custom

import (
	"cmp"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// forms are what each kind keeps of its values.
var forms = map[Kind]rollup.Form{Counter: rollup.Added, Gauge: rollup.Bounded, Histogram: rollup.Measured, Distinct: rollup.Different}

// Catalogue says what a file defines, in the words of what is always there.
func (s *Set) Catalogue() (c rollup.Catalogue) {
	if s == nil {
		return c
	}
	for _, v := range s.Views {
		metrics := v.Metrics
		if v.Kind != "" {
			d := rollup.Definition{Name: v.Name, Form: forms[v.Kind], Scale: rollup.OwnScale, Help: cmp.Or(v.About, "Of metrics.yaml.")}
			if v.Kind == Distinct {
				d.Scale = 1
			}
			c.Metrics = append(c.Metrics, d)
			metrics = []string{v.Name}
		}
		c.Views = append(c.Views, rollup.ViewDefinition{Name: v.Name, Of: v.Of, Labels: append([]string{}, v.Labels...), Metrics: metrics})
	}
	return c
}
