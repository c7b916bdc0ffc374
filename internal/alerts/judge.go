package alerts

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// History answers what was added to metrics. ErrNotReady means: not yet.
type History interface {
	Tenants(ctx context.Context) ([]string, error)
	Query(ctx context.Context, tenant string, q query.Metric) ([]query.Series, error)
}

// verdict is what a rule says about one of its groups.
type verdict struct {
	tenant string
	labels []rollup.Label
	holds  bool
	value  float64
	n      int64 // observations that it is said of
}

// view is a tenant's metrics at an instant.
type view struct {
	history History
	tenant  string
	end     time.Time // of the newest pane that is looked at
}

// endAt is the end of the newest pane that rules look at.
func endAt(now int64) time.Time {
	newest := now - int64(Behind/time.Second)
	return time.Unix(newest-newest%rollup.PaneSeconds+rollup.PaneSeconds, 0).UTC()
}

// group is what is in a window of one of a rule's groups.
type group struct {
	labels []rollup.Label
	query.Point
}

// groups asks for a metric in the window that ends so long before the view's
// end.
func (v *view) groups(ctx context.Context, r *Rule, m Metric, window, ago time.Duration) (map[string]group, error) {
	by := r.By
	if by == nil {
		by = []string{}
	}
	series, err := v.history.Query(ctx, v.tenant, query.Metric{
		View: m.View, Name: m.Name, Eval: r.Eval, Labels: r.whereOf(m), By: by, To: v.end.Add(-ago), Window: window,
	})
	if err != nil {
		return nil, fmt.Errorf("%s of %s, tenant %s: %w", m.Name, m.View, v.tenant, err)
	}
	out := make(map[string]group, len(series))
	for _, s := range series {
		if len(s.Points) > 0 {
			out[keyOf(s.Labels)] = group{s.Labels, s.Points[len(s.Points)-1]}
		}
	}
	return out, nil
}

// whereOf are the labels that a metric's series must have: of the whole those that
// its view knows, since a part may be told apart by more.
func (r *Rule) whereOf(m Metric) map[string]string {
	if m != r.Over {
		return r.Where
	}
	for _, v := range rollup.Views {
		if v.Name == m.View {
			own := maps.Clone(r.Where)
			maps.DeleteFunc(own, func(name, _ string) bool { return !slices.Contains(v.Labels, name) })
			return own
		}
	}
	return r.Where
}

// keyOf names a group within its rule and tenant.
func keyOf(labels []rollup.Label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(l.Name + "\xfe" + l.Value + "\xff")
	}
	return b.String()
}

// judge says what a rule finds, in the order of the groups' labels.
func (r *Rule) judge(ctx context.Context, v *view) (out []verdict, err error) {
	switch r.Kind {
	case Threshold:
		out, err = r.threshold(ctx, v)
	case Ratio:
		out, err = r.ratio(ctx, v)
	case BurnRate:
		out, err = r.burnRate(ctx, v)
	case Absence:
		out, err = r.absence(ctx, v)
	case Change:
		out, err = r.change(ctx, v)
	}
	slices.SortFunc(out, func(a, b verdict) int { return cmp.Compare(keyOf(a.labels), keyOf(b.labels)) })
	return out, err
}

// beyond reports whether a value is outside of the rule's bounds.
func (r *Rule) beyond(value float64) bool {
	return r.Above.Set && value > r.Above.Limit || r.Below.Set && value < r.Below.Limit
}

// counts reports whether the statistic is of the number of observations rather
// than of their values.
func (r *Rule) counts() bool {
	switch r.Stat.Stat {
	case query.Count, query.Rate, query.EstimatedCount, query.Distinct:
		return true
	default:
		return false
	}
}

// addsUp reports whether the statistic of few observations is small: then few
// against many is a fall, and not too little to go by.
func (r *Rule) addsUp() bool { return r.counts() || r.Stat.Stat == query.Sum }

// value is the rule's statistic in the unit that people use; false: there is none.
func (r *Rule) value(m Metric, g *group) (float64, bool) {
	value, ok := g.Value(r.Stat.Stat, r.Stat.Quantile)
	if !r.counts() {
		value *= rollup.DefinitionOf(m.Name).Scale
	}
	return value, ok
}

// observations is how many there are; of distinct values, how many of them.
func (r *Rule) observations(g *group) int64 {
	if r.Stat.Stat == query.Distinct {
		return int64(g.Distinct.Estimate() + 0.5)
	}
	return g.Count
}

func (r *Rule) threshold(ctx context.Context, v *view) (out []verdict, err error) {
	groups, err := v.groups(ctx, r, r.Of, r.Window, 0)
	for _, g := range groups {
		n := r.observations(&g)
		if value, ok := r.value(r.Of, &g); ok && n >= r.Min {
			out = append(out, verdict{v.tenant, g.labels, r.surelyBeyond(value, &g), value, n})
		}
	}
	return out, err
}

func (r *Rule) ratio(ctx context.Context, v *view) (out []verdict, err error) {
	parts, err := v.groups(ctx, r, r.Of, r.Window, 0)
	if err != nil {
		return nil, err
	}
	wholes, err := v.groups(ctx, r, r.Over, r.Window, 0)
	for key, whole := range wholes {
		part := parts[key]
		p, _ := r.value(r.Of, &part)
		if w, _ := r.value(r.Over, &whole); w > 0 && whole.Count >= r.Min {
			out = append(out, verdict{v.tenant, whole.labels, r.beyond(p / w), p / w, whole.Count})
		}
	}
	return out, err
}

// bad is the part of a window's observations that were bad.
func (r *Rule) bad(ctx context.Context, v *view, window time.Duration) (map[string]verdict, error) {
	whole := *r
	whole.Stat = Stat{Stat: query.Count}
	list, err := whole.ratioOver(ctx, v, window)
	out := make(map[string]verdict, len(list))
	for _, x := range list {
		out[keyOf(x.labels)] = x
	}
	return out, err
}

func (r *Rule) ratioOver(ctx context.Context, v *view, window time.Duration) ([]verdict, error) {
	over := *r
	over.Window = window
	return over.ratio(ctx, v)
}

func (r *Rule) burnRate(ctx context.Context, v *view) ([]verdict, error) {
	worst := make(map[string]verdict)
	for _, b := range r.Burn {
		long, err := r.bad(ctx, v, b.Long)
		if err != nil {
			return nil, err
		}
		brief, err := r.bad(ctx, v, b.Short)
		if err != nil {
			return nil, err
		}
		for key, x := range long {
			burn := min(x.value, brief[key].value) / (1 - r.Objective) // of nothing it is 0
			before, known := worst[key]
			if holds := burn > b.Factor; !known || holds && !before.holds {
				worst[key] = verdict{v.tenant, x.labels, holds, burn, x.n}
			}
		}
	}
	out := make([]verdict, 0, len(worst))
	for _, x := range worst {
		out = append(out, x)
	}
	return out, nil
}

func (r *Rule) absence(ctx context.Context, v *view) (out []verdict, err error) {
	now, err := v.groups(ctx, r, r.Of, r.Window, 0)
	if err != nil {
		return nil, err
	}
	seen, err := v.groups(ctx, r, r.Of, r.Seen, r.Window)
	for key, g := range seen {
		if before := r.observations(&g); before >= max(r.Min, 1) {
			recent := now[key]
			out = append(out, verdict{v.tenant, g.labels, r.observations(&recent) == 0, 0, before})
		}
	}
	return out, err
}

func (r *Rule) change(ctx context.Context, v *view) (out []verdict, err error) {
	now, err := v.groups(ctx, r, r.Of, r.Window, 0)
	if err != nil {
		return nil, err
	}
	then, err := v.groups(ctx, r, r.Of, r.Window, Week)
	for key, old := range then {
		recent := now[key]
		few := r.observations(&recent) < r.Min
		if r.observations(&old) < r.Min || few && (r.Above.Set || !r.addsUp()) {
			continue
		}
		if r.Stat.Stat == PSI {
			if d := rollup.DriftOf(&recent.Partial, &old.Partial); d.PSITold {
				out = append(out, verdict{v.tenant, old.labels, r.beyond(d.PSI), d.PSI, d.N})
			}
			continue
		}
		was, _ := r.value(r.Of, &old)
		is, ok := r.value(r.Of, &recent)
		if was <= 0 || !ok && !r.addsUp() {
			continue
		}
		value := (is - was) / was
		holds := r.Above.Set && value > r.Above.Limit || r.Below.Set && -value > r.Below.Limit
		holds = holds && r.surelyOther(&old, &recent, is-was)
		out = append(out, verdict{v.tenant, old.labels, holds, value, r.observations(&recent)})
	}
	return out, err
}
