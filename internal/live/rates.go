package live

import (
	"maps"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Share is a part of a whole in [From, To), Unix seconds, and the interval that
// the share behind it lies in with a confidence of 95 %. It is never told without
// N, how many observations the whole is.
type Share struct {
	From, To  int64
	Part, N   float64
	Low, High float64
	// SampleRate is the part of the whole that came, where senders sampled it; 0: it
	// is not known.
	SampleRate float64
}

// Value is the share.
func (x Share) Value() float64 { return x.Part / x.N }

// ShareSeries is the answer for one combination of labels.
type ShareSeries struct {
	Labels []rollup.Label
	Points []Share
}

// Rate answers how large a part of Over's metric Of's is, series by series; q says
// when, and which labels. Where the whole is told apart by fewer labels, parts are
// of the whole that has theirs.
func (s *Store) Rate(tenant string, r *rollup.Rate, q query.Metric) ([]ShareSeries, error) {
	part, whole := q, q
	part.View, part.Name, part.Labels = r.Of.View, r.Of.Name, with(q.Labels, r.Where)
	by := q.By
	if by == nil {
		by = labelsOf(r.Of.View)
	}
	by = slices.DeleteFunc(slices.Clone(by), func(name string) bool { _, fixed := r.Where[name]; return fixed })
	part.By = by
	if part.By == nil {
		part.By = []string{}
	}
	has := labelsOf(r.Over.View)
	lacks := func(name string) bool { return !slices.Contains(has, name) }
	whole.View, whole.Name, whole.By = r.Over.View, r.Over.Name, slices.DeleteFunc(slices.Clone(part.By), lacks)
	whole.Labels = with(q.Labels, r.OverWhere)
	maps.DeleteFunc(whole.Labels, func(name, _ string) bool { return lacks(name) })
	parts, err := s.Query(tenant, part)
	if err != nil {
		return nil, err
	}
	wholes, err := s.Query(tenant, whole)
	if err != nil {
		return nil, err
	}
	return shares(parts, wholes, r, whole.By), nil
}

func with(labels, more map[string]string) map[string]string {
	all := maps.Clone(labels)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, more)
	return all
}

// labelsOf are those of a shipped view.
func labelsOf(view string) []string {
	for _, v := range rollup.Views {
		if v.Name == view {
			return v.Labels
		}
	}
	return nil
}

// shares divides parts by the wholes that have the same labels of by. A whole
// that is told apart as its parts are, and has none, is a share of nothing.
func shares(parts, wholes []query.Series, r *rollup.Rate, by []string) (out []ShareSeries) {
	found := make(map[string][]int) // places in parts, by what they are a part of
	for i := range parts {
		key := keyBy(&parts[i], by)
		found[key] = append(found[key], i)
	}
	for i := range wholes {
		w := &wholes[i]
		of := found[keyBy(w, by)]
		if len(of) == 0 && len(by) == len(w.Labels) && !finer(parts, by) {
			out = append(out, ShareSeries{w.Labels, divide(nil, w.Points, r)})
		}
		for _, p := range of {
			out = append(out, ShareSeries{parts[p].Labels, divide(parts[p].Points, w.Points, r)})
		}
	}
	slices.SortFunc(out, func(a, b ShareSeries) int { return slices.CompareFunc(a.Labels, b.Labels, compareLabels) })
	return slices.DeleteFunc(out, func(x ShareSeries) bool { return len(x.Points) == 0 })
}

// finer reports whether parts are told apart by more labels than by.
func finer(parts []query.Series, by []string) bool {
	return len(parts) > 0 && len(parts[0].Labels) > len(by)
}

func keyBy(x *query.Series, by []string) string {
	var b strings.Builder
	for _, name := range by {
		b.WriteString(x.Label(name))
		b.WriteByte(keyEnd)
	}
	return b.String()
}

// divide gives the share of each window with anything in the whole.
func divide(parts, wholes []query.Point, r *rollup.Rate) (out []Share) {
	at := make(map[int64]*query.Point, len(parts))
	for i := range parts {
		at[parts[i].To] = &parts[i]
	}
	for i := range wholes {
		w := &wholes[i]
		x := Share{From: w.From, To: w.To, N: amount(w, r.Over.Name)}
		if x.N <= 0 {
			continue
		}
		if p := at[w.To]; p != nil {
			x.Part = amount(p, r.Of.Name)
		}
		x.Low, x.High = rollup.Wilson(x.Part, x.N)
		x.SampleRate, _ = w.Value(query.SampleRate, 0)
		out = append(out, x)
	}
	return out
}

// amount is how many observations there are; of different values, how many.
func amount(p *query.Point, metric string) float64 {
	if rollup.DefinitionOf(metric).Form == rollup.Different {
		return p.Distinct.Estimate()
	}
	return float64(p.Count)
}
