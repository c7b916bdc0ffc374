package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// partition is topic alerts and its group, in memory.
type partition struct {
	pipeline.Source
	mu        sync.Mutex
	log       []pipeline.Record
	committed pipeline.Committed
	rng       *rand.Rand
	deadly    bool // commits may kill their process, before or after
	deaths    int
	draining  chan struct{}
}

var errDead = errors.New("killed")

func (p *partition) Committed() pipeline.Committed { return p.committed }
func (p *partition) Draining() <-chan struct{}     { return p.draining }
func (p *partition) Log() pipeline.Log             { return pipeline.Log{Topic: "alerts"} }

func (p *partition) Bounds(context.Context) (start, end int64, err error) {
	return 0, int64(len(p.log)), nil
}

func (p *partition) ReadRange(_ context.Context, from, to int64, visit func(*pipeline.Record) error) error {
	for i := from; i < to; i++ {
		if err := visit(&p.log[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *partition) Commit(ctx context.Context, offset int64, metadata string) error {
	return p.Transact(ctx, nil, offset, metadata)
}

func (p *partition) Transact(_ context.Context, records []pipeline.Record, offset int64, metadata string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	fate := 9
	if p.deadly {
		fate = p.rng.IntN(12)
	}
	if fate == 0 {
		p.deaths++
		return errDead
	}
	p.log = append(p.log, records...)
	p.committed = pipeline.Committed{Offset: offset, Metadata: metadata}
	if fate == 1 {
		p.deaths++
		return errDead
	}
	return nil
}

// desk takes notices as a webhook does.
type desk struct {
	mu      sync.Mutex
	answers func() int
	got     []Notice
	bodies  []string
}

func (d *desk) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	code := http.StatusOK
	if d.answers != nil {
		code = d.answers()
	}
	d.bodies = append(d.bodies, r.URL.String()+" "+r.Header.Get("Idempotency-Key")+" "+string(body))
	var n Notice
	if json.Unmarshal(body, &n) == nil && code == http.StatusOK {
		d.got = append(d.got, n)
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: io.NopCloser(bytes.NewReader(nil))}, nil
}

func (d *desk) ids() (out []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.got {
		out = append(out, n.ID+" "+n.At.Format(time.TimeOnly))
	}
	return out
}

// clocked is a town that is seen as far as the clock is.
type clocked struct {
	*town
	ready func() bool
}

func (c *clocked) Tenants(ctx context.Context) ([]string, error) {
	if c.ready != nil && !c.ready() {
		return nil, ErrNotReady
	}
	c.now = time.Now().Unix()
	return c.town.Tenants(ctx)
}

const hook = "\nreceivers: [{name: ops, webhook: 'https://ops.example/hook'}]\n"

func keeperOf(t *testing.T, h History, d http.RoundTripper, text string) *Keeper {
	t.Helper()
	rules, err := Parse("alerts.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return NewKeeper(Default(), rules, Dependencies{
		History: h, HTTP: &http.Client{Transport: d}, Log: slog.New(slog.DiscardHandler), Reg: prometheus.NewRegistry(),
	})
}

// lives runs keepers on a partition until a time, one after the other.
func lives(t *testing.T, p *partition, until time.Time, keeper func() *Keeper) {
	t.Helper()
	p.draining = make(chan struct{})
	ctx, stop := context.WithDeadline(t.Context(), until)
	defer stop()
	for ctx.Err() == nil {
		if err := keeper().own(ctx, p); err != nil && !errors.Is(err, errDead) && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
}

// atDawn is a town whose day begins in the bubble's next hour.
func atDawn(t *testing.T, seconds int64, down outage) *town {
	t.Helper()
	w := newTown(3, seconds, down)
	<-time.After(time.Until(time.Unix(dawn, 0)))
	return w
}

// TestDeathsChangeNothing: owners die before and after their commits; the
// receiver is told of each transition once, at the same instants and under the
// same ids as if nobody had died, but for what was sent and not noted: that comes
// again under its id.
func TestDeathsChangeNothing(t *testing.T) {
	down := outage{dawn + 600, dawn + 1200}
	run := func(t *testing.T, deadly bool) (ids []string, deaths int) {
		synctest.Test(t, func(t *testing.T) {
			w := &clocked{town: atDawn(t, 2400, down)}
			d := &desk{}
			p := &partition{rng: rand.New(rand.NewPCG(8, 8)), deadly: deadly, committed: pipeline.Committed{Offset: -1}}
			lives(t, p, time.Unix(dawn+2400, 0), func() *Keeper { return keeperOf(t, w, d, "include: [llm]"+hook) })
			ids, deaths = d.ids(), p.deaths
		})
		return ids, deaths
	}
	want, _ := run(t, false)
	got, deaths := run(t, true)
	if again := len(got) - len(slices.Compact(slices.Sorted(slices.Values(got)))); again > 3 {
		t.Errorf("%d notices came again: %v", again, got)
	}
	var once []string
	for _, id := range got {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	if !slices.Equal(once, want) || len(want) < 2 || deaths < 20 {
		t.Errorf("%d deaths; told\n%q, without deaths\n%q", deaths, once, want)
	}
}

// TestPauseIsMadeUpFor: what began and ended while nobody watched is told.
func TestPauseIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &clocked{town: atDawn(t, 3600, outage{dawn + 600, dawn + 900})}
		d := &desk{}
		p := &partition{committed: pipeline.Committed{Offset: -1}}
		keeper := func() *Keeper { return keeperOf(t, w, d, "include: [llm]"+hook) }
		lives(t, p, time.Unix(dawn+500, 0), keeper)
		<-time.After(15 * time.Minute)
		w.ready = func() bool { return time.Now().Unix() > dawn+1600 } // it takes a while until it knows
		lives(t, p, time.Unix(dawn+1700, 0), keeper)
		var got []string
		for _, n := range d.got {
			got = append(got, n.Rule+" "+n.Status)
		}
		want := []string{"provider_failing firing", "provider_failing resolved"}
		if got = slices.DeleteFunc(got, func(s string) bool { return !slices.Contains(want, s) }); !slices.Equal(got, want) {
			t.Errorf("told %q", got)
		}
	})
}

// TestReceiverIsAway: notices wait in order, are tried for as long as patience
// goes, and are given up if refused.
func TestReceiverIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &clocked{town: atDawn(t, 3600, outage{dawn + 600, dawn + 900})}
		tries := 0
		d := &desk{answers: func() int {
			if tries++; time.Now().Unix() < dawn+1500 {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}}
		p := &partition{committed: pipeline.Committed{Offset: -1}}
		k := keeperOf(t, w, d, "include: [llm]"+hook)
		lives(t, p, time.Unix(dawn+1800, 0), func() *Keeper { return k })
		if len(d.got) < 2 || d.got[0].Status != Firing || tries < 10 || tries > 60 {
			t.Errorf("%d tries, told %v", tries, d.got)
		}
		for key, e := range kept(t, p) {
			if len(e.Owed) > 0 {
				t.Errorf("%q is still owed %v", key, e.Owed)
			}
		}
		d.answers = func() int { return http.StatusGone }
		if what := (&courier{cfg: Default(), to: Receiver{Webhook: "http://x"}, post: poster{&http.Client{Transport: d}, time.Second}, log: k.d.Log}).deliver(t.Context(), &Notice{}); what != outcomeRefused {
			t.Errorf("a refusal is %q", what)
		}
	})
}

// kept is what topic alerts comes to.
func kept(t *testing.T, p *partition) map[string]*entry {
	t.Helper()
	w := &watch{k: &Keeper{d: Dependencies{Log: slog.New(slog.DiscardHandler)}}, src: p, entries: map[string]*entry{}}
	if err := w.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w.entries
}

// TestAlertmanagerIsToldAgain while an alert fires, since it forgets.
func TestAlertmanagerIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &clocked{town: atDawn(t, 3600, outage{dawn + 600, dawn + 900})}
		d := &desk{}
		p := &partition{committed: pipeline.Committed{Offset: -1}}
		lives(t, p, time.Unix(dawn+1300, 0), func() *Keeper {
			return keeperOf(t, w, d, "include: [llm]\nreceivers: [{name: am, alertmanager: 'http://am:9093/'}]\n")
		})
		if len(d.bodies) < 6 {
			t.Errorf("told %d times only: %q", len(d.bodies), d.bodies)
		}
		for _, b := range d.bodies {
			var list []alert
			at, body, _ := bytes.Cut([]byte(b), []byte("  "))
			if err := json.Unmarshal(body, &list); err != nil || string(at) != "http://am:9093/api/v2/alerts" || list[0].Labels["alertname"] == "" || list[0].Labels["tenant"] != "acme" {
				t.Errorf("%v: %s", err, b)
			}
		}
		var last []alert
		_, body, _ := bytes.Cut([]byte(d.bodies[len(d.bodies)-1]), []byte("  "))
		if err := json.Unmarshal(body, &last); err != nil || last[0].EndsAt.After(time.Now()) {
			t.Errorf("the last is not resolved: %s", body)
		}
	})
}
