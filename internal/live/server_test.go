package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// door is a server on a free port, and a store that knows two tenants.
type door struct {
	url        string
	store      *Store
	server     *Server
	acme, beta string // their keys
	writes     string // a key that may not read
}

func openDoor(t *testing.T, legacy bool) *door {
	t.Helper()
	d := &door{store: New(Default())}
	var lines string
	for _, k := range []struct {
		key            *string
		tenant, rights string
	}{{&d.acme, "acme", "read"}, {&d.beta, "beta", "read"}, {&d.writes, "acme", "write"}} {
		key, sha := auth.NewKey()
		*k.key = key
		lines += fmt.Sprintf("- sha256: %s\n  tenant: %s\n  rights: [%s]\n", sha, k.tenant, k.rights)
	}
	path := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	keys, err := auth.Load(path, log)
	if err != nil {
		t.Fatal(err)
	}
	d.store.Advance(time.Now())
	f := NewFollower(d.store, newFakeLog(1), time.Minute, log, prometheus.NewRegistry())
	s := NewServer(ServerConfig{Addr: "127.0.0.1:0", Legacy: legacy}, f, keys, log)
	d.server = s
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	<-s.Ready()
	d.url = "http://" + s.Addr()
	return d
}

// tell adds an observation of a view's series to the pane that is open.
func (d *door) tell(tenant, view, metric string, v int64, labels ...string) {
	r := rollup.Rollup{Series: rollup.Series{Tenant: tenant, View: view}}
	for i := 0; i < len(labels); i += 2 {
		r.Labels = append(r.Labels, rollup.Label{Name: labels[i], Value: labels[i+1]})
	}
	var p rollup.Partial
	o := rollup.Of(v, rollup.Once)
	switch rollup.DefinitionOf(metric).Form {
	case rollup.Measured:
		p.Measure(o)
	case rollup.Different:
		p.Distinct.Add(rollup.RegisterOf(fmt.Sprint(v)))
	case rollup.Added:
		p.Add(o)
	default:
		p.Observe(o)
	}
	now := time.Now().Unix()
	r.Panes = []rollup.Pane{{Start: now - now%10, Metrics: []rollup.Metric{{Name: metric, Partial: p}}}}
	d.store.Add(&r, true)
}

// sampled adds a trace that stands for others as well.
func (d *door) sampled(tenant string, w rollup.Weight) {
	var p rollup.Partial
	p.Measure(rollup.Of(1e9, w))
	now := time.Now().Unix()
	d.store.Add(&rollup.Rollup{Series: rollup.Series{Tenant: tenant, View: "tenant"}, Panes: []rollup.Pane{
		{Start: now - now%10, Metrics: []rollup.Metric{{Name: "trace_latency", Partial: p}}},
	}}, true)
}

// get asks, and gives the status and the body.
func (d *door) get(t *testing.T, key, path string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestQueryAPI(t *testing.T) {
	d := openDoor(t, false)
	for _, ms := range []int64{100, 200, 300, 400} {
		d.tell("acme", "service", "trace_latency", ms*1e6, "service", "shop")
	}
	d.tell("acme", "service", "trace_latency", 7e9, "service", "search")
	d.tell("acme", "service", "cost", 2_500_000_000, "service", "shop")
	d.tell("acme", "service", "users", 1, "service", "shop")
	d.tell("acme", "service", "users", 2, "service", "shop")
	d.tell("beta", "service", "trace_latency", 1e9, "service", "hidden")

	ask := func(path string) Answer {
		t.Helper()
		status, body := d.get(t, d.acme, path)
		var a Answer
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		return a
	}
	a := ask("/api/v1/metrics/query?metric=trace_latency&view=service&label.service=shop")
	if len(a.Series) != 1 || a.Unit != "seconds" || a.Series[0].Labels["service"] != "shop" || len(a.Series[0].Points) != 1 {
		t.Fatalf("%+v", a)
	}
	p := a.Series[0].Points[0]
	for name, want := range map[string]float64{"count": 4, "mean": 0.25, "min": 0.1, "max": 0.4, "p50": 0.2, "rate": 4.0 / 300} {
		if got := p.Values[name]; got < want*0.98 || got > want*1.02 {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if p.To-p.From != 300 || p.To < time.Now().Unix() {
		t.Errorf("the window is [%d, %d), want the last five minutes, the open pane with them", p.From, p.To)
	}
	if a := ask("/api/v1/metrics/query?metric=cost&view=service&stat=sum"); a.Series[0].Points[0].Values["sum"] != 2.5 || a.Unit != "US dollars" {
		t.Errorf("%+v", a)
	}
	if a := ask("/api/v1/metrics/query?metric=users&view=service"); a.Series[0].Points[0].Values["distinct"] < 1.9 {
		t.Errorf("%+v", a)
	}
	if a := ask("/api/v1/metrics/query?metric=trace_latency&view=service&by=&stat=count&stat=p99.9&window=1h"); len(a.Series) != 1 || a.Series[0].Points[0].Values["count"] != 5 || a.Series[0].Points[0].Values["p99.9"] < 6.9 {
		t.Errorf("%+v", a)
	}
	if status, body := d.get(t, d.acme, "/api/v1/metrics"); status != http.StatusOK || !strings.Contains(body, "time_to_first_token") {
		t.Errorf("%d %s", status, body)
	}
	for _, path := range []string{
		"", "?metric=spans&window=x", "?metric=spans&window=1s", "?metric=spans&step=-1m", "?metric=spans&from=yesterday", "?metric=spans&to=-1",
		"?metric=spans&stat=p0", "?metric=spans&stat=p101", "?metric=spans&stat=quantile", "?metric=spans&stat=sume", "?metric=spans&eval=perhaps",
		"?metric=spans&from=1000&to=500", "?metric=spans&from=0&to=4000000000&step=10s&window=10s",
	} {
		if status, body := d.get(t, d.acme, "/api/v1/metrics/query"+path); status != http.StatusBadRequest || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestKeysReadTheirOwnTenantOnly(t *testing.T) {
	d := openDoor(t, true)
	d.tell("acme", "service", "trace_latency", 1e9, "service", "of-acme")
	d.tell("beta", "service", "trace_latency", 1e9, "service", "of-beta")
	for _, tenant := range []string{"acme", "beta"} {
		d.tell(tenant, "assessment", "labelled", 1, "name", "of-"+tenant, "source", "HUMAN")
		d.tell(tenant, "assessment_label", "labelled", 1, "name", "of-"+tenant, "source", "HUMAN", "label", "of-"+tenant)
	}
	for _, path := range []string{
		"/api/v1/metrics/query?metric=trace_latency&view=service&tenant=beta", "/api/v1/metrics/query?metric=labelled&view=assessment_label&tenant=beta",
		"/api/v1/metrics/query?metric=category_share&tenant=beta", "/metrics",
	} {
		for key, want := range map[string][2]string{d.acme: {"of-acme", "of-beta"}, d.beta: {"of-beta", "of-acme"}} {
			if status, body := d.get(t, key, path, "X-Tenant", "beta"); status != http.StatusOK || !strings.Contains(body, want[0]) || strings.Contains(body, want[1]) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	for key, want := range map[string]string{d.acme: "of-acme", d.beta: "of-beta"} {
		lines, end := d.stream(t, key, "metric=trace_latency&view=service&stat=count&every=250ms&tenant=beta")
		got := next(t, lines)
		if len(got.Series) != 1 || got.Series[0].Labels["service"] != want {
			t.Errorf("a stream of %s tells %+v", want, got)
		}
		end()
	}
	for _, path := range []string{"/api/v1/metrics", "/api/v1/metrics/query?metric=spans", "/api/v1/metrics/stream?metric=spans", "/metrics"} {
		for key, want := range map[string]int{"": http.StatusUnauthorized, "sm_guess": http.StatusUnauthorized, d.writes: http.StatusForbidden} {
			if status, body := d.get(t, key, path); status != want || strings.Contains(body, "of-") {
				t.Errorf("%s with %q: %d %s", path, key, status, body)
			}
		}
	}
}

// stream asks for events until end is called.
func (d *door) stream(t *testing.T, key, question string) (lines *bufio.Scanner, end func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/api/v1/metrics/stream?"+question, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	return bufio.NewScanner(response.Body), func() { response.Body.Close() }
}

// next is the next event of a stream.
func next(t *testing.T, lines *bufio.Scanner) (a Answer) {
	t.Helper()
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		if err := json.Unmarshal([]byte(data), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return a
}

func TestStream(t *testing.T) {
	d := openDoor(t, false)
	d.tell("acme", "tenant", "spans", 1)
	lines, end := d.stream(t, d.acme, "metric=spans&stat=count&every=250ms&window=1h")
	defer end()
	next := func() float64 { return next(t, lines).Series[0].Points[0].Values["count"] }
	if got := next(); got != 1 {
		t.Errorf("first event: %g spans, want 1", got)
	}
	d.tell("acme", "tenant", "spans", 1)
	for got := next(); got != 2; got = next() { // a window may move in between
		if got != 1 {
			t.Fatalf("%g spans, want 2", got)
		}
	}
	for _, path := range []string{"?metric=spans&every=1ms", "?metric=spans&every=2h", "?metric=spans&from=5", "?every=1s"} {
		if status, body := d.get(t, d.acme, "/api/v1/metrics/stream"+path); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}
