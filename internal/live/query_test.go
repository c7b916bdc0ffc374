package live

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// noon is a moment that all panes' widths divide.
var noon = time.Unix(1_800_000_000, 0)

func at(seconds int64) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// told is what was added to a store, one by one: the recount.
type told struct {
	tenant, service string
	pane            int64
	metric          string
	rollup.Partial
}

func (o *told) rollup() *rollup.Rollup {
	return &rollup.Rollup{
		Series: rollup.Series{Tenant: o.tenant, View: "service", Labels: []rollup.Label{{Name: "service", Value: o.service}}},
		Panes:  []rollup.Pane{{Start: o.pane, Metrics: []rollup.Metric{{Name: o.metric, Partial: o.Partial}}}},
	}
}

func measured(v int64, w rollup.Weight) (p rollup.Partial) {
	p.Measure(rollup.Of(v, w))
	return p
}

// random gives something that is told at an instant, mostly of then, sometimes
// hours late.
func random(rng *rand.Rand, now time.Time) told {
	o := told{tenant: fmt.Sprint("t", rng.IntN(2)), service: fmt.Sprint("s", rng.IntN(4)), metric: "span_duration"}
	age := rng.Int64N(20)
	if rng.IntN(20) == 0 {
		age = rng.Int64N(26 * 3600)
	}
	o.pane = now.Unix() - age
	o.pane -= o.pane % rollup.PaneSeconds
	switch rng.IntN(10) {
	case 0:
		o.metric = "users"
		o.Distinct.Add(rollup.RegisterOf(fmt.Sprint(rng.IntN(50))))
	case 1:
		o.metric = "self_time"
		o.Correct(rollup.Of(rng.Int64N(2000)-1000, rollup.Once))
	case 2:
		o.Partial = measured(rng.Int64N(1e9), 3*rollup.Once)
	default:
		o.Partial = measured(rng.Int64N(1e9), rollup.Once)
	}
	return o
}

// recount adds up what was told of a window.
func recount(all []told, tenant, service, metric string, p query.Point) (sum rollup.Partial) {
	for i := range all {
		if o := &all[i]; o.tenant == tenant && o.service == service && o.metric == metric && o.pane >= p.From && o.pane < p.To {
			sum.Merge(&o.Partial)
		}
	}
	return sum
}

// TestAnswersEqualARecount tells a store more than a day of additions, late ones
// among them, and asks for windows of all sizes on the way.
func TestAnswersEqualARecount(t *testing.T) {
	t.Parallel()
	for _, maxBytes := range []int64{64 << 20, 100 << 10} {
		rng := rand.New(rand.NewPCG(7, uint64(maxBytes)))
		s := New(Config{MaxBytes: maxBytes, MaxSeries: 100, History: 24 * time.Hour})
		var all []told
		compared := 0
		for clock := noon; clock.Before(noon.Add(27 * time.Hour)); clock = clock.Add(20 * time.Second) {
			s.Advance(clock)
			for range rng.IntN(4) {
				o := random(rng, clock)
				all = append(all, o)
				s.Add(o.rollup(), true)
			}
			if rng.IntN(20) == 0 {
				compared += compare(t, rng, s, all, clock)
			}
		}
		c := s.Counts()
		t.Logf("%d points compared; %+v", compared, c)
		if compared < 500 || c.Old == 0 {
			t.Errorf("compared %d points, %d panes were too old: want more", compared, c.Old)
		}
		if (c.Pressure > 0) != (maxBytes < 1<<20) {
			t.Errorf("pressure %d at %d bytes", c.Pressure, maxBytes)
		}
		if sum := sizes(s); sum != c.Bytes {
			t.Errorf("%d bytes are counted, %d are there", c.Bytes, sum)
		}
	}
}

// compare asks one query and holds each point of the answer to the recount.
func compare(t *testing.T, rng *rand.Rand, s *Store, all []told, now time.Time) int {
	t.Helper()
	ages := []time.Duration{0, 90 * time.Second, 10 * time.Minute, 3 * time.Hour, 20 * time.Hour}
	lengths := []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, time.Hour, 24 * time.Hour}
	q := query.Metric{View: "service", Name: []string{"span_duration", "users", "self_time"}[rng.IntN(3)]}
	q.To = now.Add(10 * time.Second)
	q.Window, q.Step = lengths[rng.IntN(len(lengths))], lengths[rng.IntN(3)]
	if age := ages[rng.IntN(len(ages))]; age > 0 {
		q.From = q.To.Add(-age)
	}
	tenant := fmt.Sprint("t", rng.IntN(2))
	answer, err := s.Query(tenant, q)
	if errors.Is(err, query.ErrMetric) {
		return 0 // narrower than the panes are by now
	}
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for i := range answer {
		for _, p := range answer[i].Points {
			points++
			want := recount(all, tenant, answer[i].Label("service"), q.Name, p)
			if !equal(&p.Partial, &want) {
				t.Fatalf("%s, %+v: %v [%d, %d)\n got %+v\nwant %+v", tenant, q, answer[i].Labels, p.From-noon.Unix(), p.To-noon.Unix(), p.Partial, want)
			}
		}
	}
	return points
}

func equal(a, b *rollup.Partial) bool {
	x, y := *a, *b
	x.Hist, x.Distinct, y.Hist, y.Distinct = nil, nil, nil, nil
	return reflect.DeepEqual(x, y) && len(a.Hist) == len(b.Hist) && len(a.Distinct) == len(b.Distinct) &&
		(len(a.Hist) == 0 || reflect.DeepEqual(a.Hist, b.Hist)) && (len(a.Distinct) == 0 || reflect.DeepEqual(a.Distinct, b.Distinct))
}

// sizes adds up what the store's series take.
func sizes(s *Store) (sum int64) {
	for _, t := range s.tenants {
		for _, x := range t.list {
			sum += int64(seriesBytes+cap(x.totals)) + 2*int64(len(x.View)+2+len(x.Labels[0].Name)+len(x.Labels[0].Value)+1)
			for _, list := range x.tiers {
				for _, c := range list {
					sum += int64(cellBytes + cap(c.data))
				}
			}
		}
	}
	return sum
}

func TestWindowsAndSteps(t *testing.T) {
	t.Parallel()
	s := New(Default())
	s.Advance(noon)
	for pane := int64(-7200); pane < 60; pane += 10 {
		o := told{tenant: "a", service: "x", pane: noon.Unix() + pane, metric: "spans"}
		o.Add(rollup.Of(1, rollup.Once))
		s.Add(o.rollup(), false)
	}
	type span [2]int64 // seconds after noon
	for name, tt := range map[string]struct {
		from, to     int64
		window, step time.Duration
		want         []span
	}{
		"one window":                     {0, 0, time.Minute, 0, []span{{-60, 0}}},
		"step is the window":             {-60, 0, time.Minute, 0, []span{{-120, -60}, {-60, 0}}},
		"rolling":                        {-20, 0, time.Minute, 10 * time.Second, []span{{-80, -20}, {-70, -10}, {-60, 0}}},
		"sparse":                         {-120, 0, 10 * time.Second, time.Minute, []span{{-130, -120}, {-70, -60}, {-10, 0}}},
		"not on a pane's bound":          {0, 7, 25 * time.Second, 0, []span{{-30, 0}}},
		"into the future":                {60, 60, time.Minute, 0, []span{{0, 60}}},
		"old panes are a minute wide":    {-5415, -5415, 5 * time.Minute, 0, []span{{-5760, -5460}}},
		"a window that begins in them":   {0, 0, 90 * time.Minute, 0, []span{{-5400, 0}}},
		"nothing there":                  {-9000, -9000, time.Minute, 0, nil},
		"the first pane's own":           {-7190, -7190, time.Minute, 0, nil},
		"the window around the first":    {-7140, -7140, 2 * time.Minute, 0, []span{{-7260, -7140}}},
		"windows in the wide part, step": {-7080, -6960, time.Minute, time.Minute, []span{{-7140, -7080}, {-7080, -7020}, {-7020, -6960}}},
	} {
		q := query.Metric{View: "service", Name: "spans", From: at(tt.from), To: at(tt.to), Window: tt.window, Step: tt.step}
		if tt.from == tt.to {
			q.From = time.Time{}
		}
		answer, err := s.Query("a", q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []span
		for _, x := range answer {
			for _, p := range x.Points {
				got = append(got, span{p.From - noon.Unix(), p.To - noon.Unix()})
				if first := max(p.From, noon.Unix()-7200); p.Count != (min(p.To, noon.Unix()+60)-first)/10 {
					t.Errorf("%s: %d spans in [%d, %d)", name, p.Count, p.From-noon.Unix(), p.To-noon.Unix())
				}
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: windows %v, want %v", name, got, tt.want)
		}
	}
	for name, q := range map[string]query.Metric{
		"narrower than a pane":     {To: noon, Window: time.Second},
		"step narrower than that":  {To: noon, Window: time.Minute, Step: time.Second},
		"ends before it begins":    {From: at(60), To: noon, Window: time.Minute},
		"narrower than old panes":  {To: at(-6000), Window: 10 * time.Second},
		"too many points":          {From: at(-200_000), To: noon, Window: 10 * time.Second},
		"steps narrower than that": {From: at(-6000), To: noon, Window: time.Hour, Step: 10 * time.Second},
	} {
		q.View, q.Name = "service", "spans"
		if _, err := s.Query("a", q); !errors.Is(err, query.ErrMetric) && !errors.Is(err, query.ErrTooBig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLabelsTenantsAndOverflow(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.MaxSeries = 5
	s := New(cfg)
	s.Advance(noon)
	add := func(tenant, model, provider string, eval bool) {
		r := rollup.Rollup{Series: rollup.Series{Tenant: tenant, View: "model", Eval: eval, Labels: []rollup.Label{{Name: "provider", Value: provider}, {Name: "model", Value: model}}}}
		var p rollup.Partial
		p.Measure(rollup.Of(100, rollup.Once))
		r.Panes = []rollup.Pane{{Start: noon.Unix(), Metrics: []rollup.Metric{{Name: "span_duration", Partial: p}}}}
		s.Add(&r, false)
	}
	add("a", "m1", "p1", false)
	add("a", "m2", "p1", false)
	add("a", "m1", "p2", false)
	add("a", "m1", "p1", true)
	add("b", "m1", "p1", false)
	add("b", "m2", "p1", false) // one too many
	add("b", "m3", "p1", false)
	ask := func(tenant string, q query.Metric) (out []string) {
		q.View, q.Name, q.To, q.Window = "model", "span_duration", at(10), time.Minute
		answer, err := s.Query(tenant, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range answer {
			text := ""
			for _, l := range x.Labels {
				text += l.Value + " "
			}
			out = append(out, fmt.Sprint(text, x.Points[0].Count))
		}
		return out
	}
	for name, tt := range map[string]struct {
		tenant string
		q      query.Metric
		want   []string
	}{
		"all":              {"a", query.Metric{}, []string{"p1 m1 1", "p1 m2 1", "p2 m1 1"}},
		"evaluations":      {"a", query.Metric{Eval: true}, []string{"p1 m1 1"}},
		"one label":        {"a", query.Metric{Labels: map[string]string{"model": "m1"}}, []string{"p1 m1 1", "p2 m1 1"}},
		"both labels":      {"a", query.Metric{Labels: map[string]string{"model": "m1", "provider": "p2"}}, []string{"p2 m1 1"}},
		"no such label":    {"a", query.Metric{Labels: map[string]string{"service": ""}}, nil},
		"by one":           {"a", query.Metric{By: []string{"provider"}}, []string{"p1 2", "p2 1"}},
		"by the other":     {"a", query.Metric{By: []string{"model"}}, []string{"m1 2", "m2 1"}},
		"in all":           {"a", query.Metric{By: []string{}}, []string{"3"}},
		"another's series": {"b", query.Metric{}, []string{"__other__ __other__ 2", "p1 m1 1"}},
		"nobody's":         {"c", query.Metric{}, nil},
	} {
		if got := ask(tt.tenant, tt.q); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if n := s.Counts().Overflown; n != 2 {
		t.Errorf("%d rollups overflown, want 2", n)
	}
}

func TestSeriesGoWhenTheyAreOld(t *testing.T) {
	t.Parallel()
	s := New(Default())
	s.Advance(noon)
	for i := range 1000 {
		o := told{tenant: fmt.Sprint("t", i%3), service: fmt.Sprint(i), pane: noon.Unix(), metric: "span_duration", Partial: measured(5, rollup.Once)}
		s.Add(o.rollup(), true)
	}
	if c := s.Counts(); c.Series != 1000 || len(s.Tenants()) != 3 {
		t.Fatalf("%d series of %v", c.Series, s.Tenants())
	}
	s.Advance(noon.Add(23 * time.Hour))
	if c := s.Counts(); c.Series != 1000 {
		t.Errorf("%d series after 23 hours, want all", c.Series)
	}
	s.Advance(noon.Add(26 * time.Hour))
	if c := s.Counts(); c.Series != 0 || c.Bytes != 0 || len(s.Tenants()) != 0 {
		t.Errorf("after 26 hours: %d series of %v, %d bytes; want none", c.Series, s.Tenants(), c.Bytes)
	}
}
