package live

import "github.com/spanmill/spanmill/pkg/schema/rollup"

// ownPrefix begins the names of what metrics.yaml defines.
const ownPrefix = "spanmill_own_"

// ownBuckets are for values of which nothing is known.
var ownBuckets = func() (all []float64) {
	for at := 0.001; at < 20_000; at *= 10 {
		all = append(all, at, 2.5*at, 5*at)
	}
	return all
}()

// allFamilies are those that are always there, and those of what metrics.yaml
// defines; of two that would have one name the first.
func allFamilies(own rollup.Catalogue) (all []*family) {
	for i := range families {
		all = append(all, &families[i])
	}
	taken := make(map[string]bool)
	for _, v := range own.Views {
		for _, name := range v.Metrics {
			if f := ownFamily(&v, own.Definition(name)); !taken[f.name] {
				taken[f.name] = true
				all = append(all, f)
			}
		}
	}
	return all
}

// ownFamily is a metric of a view of metrics.yaml: the view's own, or a shipped
// one that the view shows.
func ownFamily(v *rollup.ViewDefinition, d rollup.Definition) *family {
	f := &family{name: ownPrefix + v.Name, help: d.Help, view: v.Name, metric: d.Name, labels: v.Labels, scale: d.Scale, buckets: ownBuckets}
	shipped := d.Name != v.Name
	if shipped {
		f.name += "_" + d.Name
	}
	switch d.Form {
	case rollup.Counted:
		f.name += "_total"
	case rollup.Added:
		f.shape = sumTotal
		f.name += "_total"
	case rollup.Bounded:
		if f.shape = windowMean; shipped { // tokens, costs
			f.shape = sumTotal
			f.name += "_total"
		}
	case rollup.Measured:
		f.shape = distribution
		if d.Unit == "seconds" {
			f.name, f.buckets = f.name+"_seconds", agentBuckets
		}
	case rollup.Different:
		f.shape = windowDistinct
	case rollup.Graded, rollup.Share, rollup.Stated: // metrics.yaml defines and shows none
	}
	return f
}
