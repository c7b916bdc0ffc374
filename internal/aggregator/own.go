package aggregator

import (
	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// ownViews are the shipped views and those that metrics.yaml defines, and what
// those ask of; nil: there are none.
func ownViews(set *custom.Set) ([]view, *custom.Input) {
	if set == nil || len(set.Views) == 0 {
		return views, nil
	}
	all := append([]view(nil), views...)
	for _, v := range set.Views {
		all = append(all, ownView(v))
	}
	return all, custom.NewInput()
}

// told is what expressions are shown beside the span's own fields.
func (f *facts) told() custom.Told {
	return custom.Told{
		Tenant: f.tenant, Service: f.labels[dimService], Name: f.labels[dimName], Tool: f.labels[dimTool],
		Experiment: f.labels[dimExperiment], Class: f.labels[dimClass], Eval: f.eval, Root: f.root, Cost: f.paid,
	}
}

// countOwn adds a span to a view of metrics.yaml. A span for which an expression
// fails is left out of that view alone.
func (c *core) countOwn(i int, v *view) {
	f := &c.facts
	matches, err := v.own.Matches(c.input)
	if err == nil && !matches {
		return
	}
	if err == nil {
		f.own, err = v.own.AppendLabels(f.own[:0], c.input)
	}
	var o rollup.Observation
	var r rollup.Register
	told := true
	switch {
	case err != nil || v.own.Kind == "":
	case v.own.Kind == custom.Distinct:
		r, told, err = v.own.Register(c.input)
	default:
		var value int64
		value, err = v.own.Millionths(c.input)
		o = rollup.Of(value, f.weight)
	}
	switch {
	case err != nil:
		c.counts.failed++
		return
	case !told:
		return
	}
	for j := range f.own {
		f.own[j] = rollup.LabelText(f.own[j])
	}
	s := c.catalogue.find(i, f)
	switch v.own.Kind {
	case "":
		c.catalogue.add(s, f)
	case custom.Distinct:
		c.catalogue.pane(s, f.pane).partial(ownValue).Distinct.Add(r)
	case custom.Counter, custom.Gauge, custom.Histogram:
		c.catalogue.observe(s, f.pane, ownValue, o)
	}
}
