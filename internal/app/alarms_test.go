package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/bus/embedded"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/gateway"
	"github.com/spanmill/spanmill/internal/store"
)

// described are the metrics that our programs' parts register, those without a
// series yet too.
func described(t *testing.T) map[string]bool {
	t.Helper()
	reg, log := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	cfg := embedded.Default()
	cfg.Dir, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	b, err := embedded.Open(t.Context(), cfg, embedded.Deps{Log: log, Reg: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	kafka := bus.Default()
	kafka.Brokers = []string{b.Addr()}
	p, err := bus.NewProducer(kafka, log, reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	s := store.New(store.Default(), log, reg)
	t.Cleanup(s.Close)
	up := upCommand{}
	_, err = writerParts{
		cfg: up.writerConfig(), kafka: kafka, group: bus.DefaultConsumer(), tables: newTables(s), producer: p, log: log, reg: reg,
	}.join()
	if err != nil {
		t.Fatal(err)
	}
	gateway.New(gateway.Default(), gateway.Dependencies{Producer: p, Log: log, Reg: reg})
	engine.New(engine.Default(), log, reg)

	descs := make(chan *prometheus.Desc)
	go func() { // ends with the registry
		reg.Describe(descs)
		close(descs)
	}()
	name := regexp.MustCompile(`fqName: "(\w+)"`)
	out := make(map[string]bool)
	for d := range descs {
		out[name.FindStringSubmatch(d.String())[1]] = true
	}
	return out
}

// TestAlertsNameMetricsThatExist, and each promise at risk has its alert.
func TestAlertsNameMetricsThatExist(t *testing.T) {
	list, err := alarms()
	if err != nil {
		t.Fatal(err)
	}
	exported := described(t)
	seen := make(map[string]bool)
	for _, a := range list {
		for _, metric := range []string{a.metric, a.over} {
			if metric != "" && !exported[metric] {
				t.Errorf("alert %s: nobody exports %s", a.name, metric)
			}
		}
		if !strings.HasPrefix(a.name, "Spanmill") || a.summary == "" || a.advice == "" || seen[a.name] {
			t.Errorf("alert %q: wants a name of its own, a summary and advice", a.name)
		}
		if a.counter != strings.HasSuffix(a.metric, "_total") {
			t.Errorf("alert %s: only counters are increased", a.name)
		}
		for _, m := range regexp.MustCompile(`spanmill_[a-z_]+`).FindAllString(a.advice, -1) {
			if !exported[m] {
				t.Errorf("the advice of %s: nobody exports %s", a.name, m)
			}
		}
		seen[a.name] = true
	}
	for _, name := range []string{
		"PartitionHalted", "LogHalfUnread", "Lag", "IntentOpen", "Retrying", "RecordsLost", "DeadLetters",
		"DedupWindowShort", "MisplacedSpans", "PartitionsAdded", "RequestsRefused", "BusBudget",
	} {
		if !seen["Spanmill"+name] {
			t.Errorf("no alert Spanmill%s", name)
		}
	}
}

func TestAlarmShapes(t *testing.T) {
	now := time.Unix(10_000, 0)
	page := parseMetrics(`# HELP x_total Text.
# TYPE x_total counter
x_total{reason="a b"} 3
age_seconds{partition="0"} 0
age_seconds{partition="1"} 9950
age_seconds{partition="2"} 9000
level{partition="0"} +Inf
level{partition="1"} 12
bytes 90
budget 100
`)
	for name, c := range map[string]struct {
		alarm alarm
		want  []string
	}{
		"counter":       {alarm{metric: "x_total", counter: true}, []string{`x_total{reason="a b"} = 3`}},
		"age":           {alarm{metric: "age_seconds", since: true, limit: 100}, []string{`age_seconds{partition="2"} since 16m40s`}},
		"below":         {alarm{metric: "level", below: true, limit: 300}, []string{`level{partition="1"} = 12`}},
		"above":         {alarm{metric: "level", limit: 300}, []string{`level{partition="0"} = +Inf`}},
		"ratio":         {alarm{metric: "bytes", over: "budget", limit: 0.8}, []string{"bytes = 90"}},
		"ratio, not so": {alarm{metric: "bytes", over: "budget", limit: 0.95}, nil},
		"not exported":  {alarm{metric: "nobody"}, nil},
	} {
		if diff := cmp.Diff(c.want, c.alarm.judge(page, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDoctorExplainsTheAlertsThatFire(t *testing.T) {
	page := "spanmill_bus_partition_halted{topic=\"spans\",partition=\"3\"} 1\nspanmill_writer_dead_letters_total{reason=\"empty\"} 2\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(page)) }))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	code, out, _ := command(t, "doctor", "--data-dir", t.TempDir(), "--admin", addr)
	for _, want := range []string{
		"WRONG  SpanmillPartitionHalted A partition stands still", `partition="3"} = 1`, "the reason and the way on",
		"ok     SpanmillDeadLetters Records", "since the process began", "spanmill dead-letters ls",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code == 0 {
		t.Error("a halted partition is no failure")
	}
	page = "spanmill_bus_partition_halted{topic=\"spans\",partition=\"3\"} 0\n"
	if _, out, _ = command(t, "doctor", "--data-dir", t.TempDir(), "--admin", addr); !strings.Contains(out, "ok     alerts     none of ") {
		t.Errorf("all is well:\n%s", out)
	}
}
