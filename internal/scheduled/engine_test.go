package scheduled

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) {
	child.MainIfChild()
	testkit.MainNoLeaks(m)
}

// bench is a database of its own, and what is put into it.
type bench struct {
	*store.Store
	offset int64
	log    int                 // number of the topic's incarnation
	rows   map[string][]string // JSON lines by table, not stored yet
}

func setup(t testing.TB, e *engine.Engine) *bench {
	t.Helper()
	at := e.Endpoint()
	cfg := store.Default()
	cfg.URL, cfg.User, cfg.Password = "http://"+at.HTTPAddr, at.User, at.Password
	cfg.Database = "test_" + strings.ToLower(rand.Text())
	b := &bench{Store: store.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry()), rows: map[string][]string{}}
	t.Cleanup(b.Close)
	if err := b.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// query gives the answer in TSV.
func (b *bench) query(t testing.TB, sql string) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Query(t.Context(), sql, "TSVRaw", &out); err != nil {
		t.Fatalf("%.2000s: %v", sql, err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// put notes a row, with the next offset of its table's log.
func (b *bench) put(t testing.TB, table string, row map[string]any) {
	t.Helper()
	b.offset++
	row["tenant"], row["retention_days"] = "default", 400
	row["src_log"], row["src_partition"], row["src_offset"] = fmt.Sprintf("%s/%d", table, b.log), b.offset%3, b.offset
	if table != "trace_parts" {
		row["version"] = b.offset
	}
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	b.rows[table] = append(b.rows[table], string(text))
}

// flush stores the rows.
func (b *bench) flush(t testing.TB) {
	t.Helper()
	for table, rows := range b.rows {
		b.query(t, "INSERT INTO "+table+" FORMAT JSONEachRow\n"+strings.Join(rows, "\n"))
	}
	clear(b.rows)
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000000000") }

// trace notes a turn as the writer would: its root in one batch, the call that
// cost something in another.
func (b *bench) trace(t testing.TB, s *population.Session, turn *population.Turn, received time.Time) {
	t.Helper()
	half := turn.Start.Add(turn.End.Sub(turn.Start) / 2)
	status, output := "OK", "fine"
	if turn.Failed {
		status = "ERROR"
	}
	if turn.Unanswered {
		output = ""
	}
	common := func(from, to time.Time) map[string]any {
		return map[string]any{
			"experiment_id": "0", "service_name": "shop", "trace_id": turn.TraceID, "part_day": day(from), "received_at": clock(received),
			"start_time": clock(from), "end_time": clock(to), "start_unix_nano": from.UnixNano(), "end_unix_nano": to.UnixNano(), "spans": 1,
		}
	}
	root := common(turn.Start, half)
	root["has_root"], root["root_status"], root["session_id"], root["user_id"], root["input_preview"], root["output_preview"] = true, status, s.ID, s.User, "how", output
	b.put(t, "trace_parts", root)
	call := common(half, turn.End)
	call["llm_calls"], call["cost"], call["input_tokens"], call["output_tokens"] = 1, fmt.Sprintf("%.9f", float64(turn.CostNano)/1e9), turn.Input, turn.Output
	b.put(t, "trace_parts", call)
}

func (b *bench) event(t testing.TB, e *population.Event, received time.Time) {
	t.Helper()
	row := map[string]any{
		"event_id": e.ID, "name": e.Name, "time": clock(e.Time), "trace_id": e.Trace, "session_id": e.Session, "user_id": e.User, "attrs": e.Attrs,
		"part_day": day(e.Time), "received_at": clock(received),
	}
	if e.Value != nil {
		row["value"] = e.Micro
	}
	b.put(t, "business_events", row)
}

// thumb notes what a person says in MLflow; 0: they take it back.
func (b *bench) thumb(t testing.TB, trace string, up int, received time.Time) {
	t.Helper()
	b.put(t, "assessments", map[string]any{
		"trace_id": trace, "assessment_id": "a-" + trace, "mask": 511, "deleted": up == 0, "name": "helpful", "source_type": "HUMAN", "type": "feedback",
		"value": strconv.FormatBool(up > 0), "valid": true, "create_ms": received.UnixMilli(), "part_day": day(received), "received_at": clock(received),
	})
}

// tables are the store in the schedule's words.
type tables struct{ store.Scheduled }

func (s tables) Limited(ctx context.Context, sql string, l Limits) ([][]string, error) {
	return s.Scheduled.Limited(ctx, sql, store.Limits(l))
}

// runner gives a runner over the bench.
func (b *bench) runner(t testing.TB, assumptions string, tables Tables) *Runner {
	t.Helper()
	a, err := ParseAssumptions("assumptions.yaml", []byte(assumptions))
	if err != nil {
		t.Fatal(err)
	}
	return New(Default(), Dependencies{Tables: tables, Assumptions: a, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Reg: prometheus.NewRegistry()})
}

// told is what is published.
func (b *bench) told(t testing.TB) population.Ledger {
	t.Helper()
	out := population.Ledger{}
	rows := b.query(t, "SELECT view, metric, arrayStringConcat(arrayMap((k, v) -> k || '=' || v, mapKeys(labels), mapValues(labels)), ',') AS l, toUnixTimestamp(time), sum(count) AS n, sum(sum) AS s"+
		" FROM business_1m FINAL GROUP BY view, metric, l, time HAVING n != 0 OR s != 0")
	for line := range strings.Lines(rows) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		var k population.Key
		var a population.Amount
		k.View, k.Metric, k.Labels = f[0], f[1], f[2]
		if _, err := fmt.Sscan(f[3]+" "+f[4]+" "+f[5], &k.Time, &a.N, &a.Part); err != nil {
			t.Fatal(err)
		}
		out[k] = a
	}
	return out
}

// compare holds what is published against the ledger, each definition by itself.
func compare(t testing.TB, got, want population.Ledger) {
	t.Helper()
	wrong := map[string]int{}
	for k := range merged(got, want) {
		if got[k] != want[k] {
			if wrong[k.Metric]++; wrong[k.Metric] < 3 {
				t.Errorf("%s of %s{%s} at %s: %d of %d, want %d of %d", k.Metric, k.View, k.Labels, time.Unix(k.Time, 0).UTC(), got[k].Part, got[k].N, want[k].Part, want[k].N)
			}
		}
	}
	if len(want) < 500 {
		t.Errorf("the ledger has %d entries only", len(want))
	}
}

func merged(a, b population.Ledger) map[population.Key]bool {
	out := map[population.Key]bool{}
	for _, l := range []population.Ledger{a, b} {
		for k := range l {
			out[k] = true
		}
	}
	return out
}

// flaky fails after so many statements: a process that is killed between two.
type flaky struct {
	Tables
	left int
}

var errKilled = errors.New("killed")

func (f *flaky) Exec(ctx context.Context, sql string, params map[string]string) error {
	if f.left--; f.left < 0 {
		return errKilled
	}
	return f.Tables.Exec(ctx, sql, params)
}

// script is a population with what tells of it.
type script struct {
	zone     string
	place    *time.Location
	now      time.Time
	sessions []population.Session
	// tell notes what was told first, in any order; again what changed later.
	tell, again []func()
}

func play(t testing.TB, b *bench) *script {
	t.Helper()
	s := &script{zone: "America/New_York", now: time.Now()}
	var err error
	if s.place, err = time.LoadLocation(s.zone); err != nil {
		t.Fatal(err)
	}
	s.sessions, err = population.Play(population.Options{Seed: 7, Users: 30, Days: 4, End: s.now.Add(-time.Minute), Zone: s.zone})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.sessions {
		x := &s.sessions[i]
		for _, turn := range x.Turns {
			s.tell = append(s.tell, func() { b.trace(t, x, &turn, s.now) })
			if turn.First != 0 {
				s.tell = append(s.tell, func() { b.thumb(t, turn.TraceID, turn.First, s.now) })
			}
			if turn.First != turn.Thumb {
				s.again = append(s.again, func() { b.thumb(t, turn.TraceID, turn.Thumb, s.now) })
			}
		}
		for n, e := range x.Events() {
			s.tell = append(s.tell, func() { b.event(t, &e, s.now) })
			if n%5 == 0 {
				s.again = append(s.again, func() { b.event(t, &e, s.now) }) // sent twice
			}
		}
	}
	rng := mathrand.New(mathrand.NewPCG(1, 2))
	rng.Shuffle(len(s.tell), func(i, j int) { s.tell[i], s.tell[j] = s.tell[j], s.tell[i] })
	return s
}

// forget deletes the last turn of some sessions and all of others, as a client
// and the writer do, and has the script without them.
func (s *script) forget(t testing.TB, b *bench) {
	t.Helper()
	var left []population.Session
	var ids []string
	for i, x := range s.sessions {
		gone := len(x.Turns)
		switch orphan := slices.ContainsFunc(x.Marks, func(m population.Mark) bool { return m.Orphan }); {
		case i%9 == 0 && x.Tickets == 0 && !orphan:
			gone = 0
		case i%4 == 0 && len(x.Turns) > 1:
			gone--
		}
		for _, turn := range x.Turns[gone:] {
			ids = append(ids, "'"+turn.TraceID+"'")
			b.put(t, "trace_deletions", map[string]any{"trace_id": turn.TraceID, "part_day": day(s.now), "received_at": clock(s.now.Add(time.Second))})
		}
		if x.Turns = x.Turns[:gone]; gone > 0 {
			left = append(left, x)
		}
	}
	s.sessions = left
	b.flush(t)
	b.query(t, "DELETE FROM trace_parts WHERE trace_id IN ("+strings.Join(ids, ", ")+")")
}

func (s *script) ledger() population.Ledger {
	return population.Reckon(s.sessions, population.Usual, s.place, s.now)
}

// TestPopulation: what is published of a population equals its ledger, each
// metric in each minute and on each day, whatever the order in which things
// came, whoever died, and after people have changed their minds.
func TestPopulation(t *testing.T) {
	b := setup(t, enginetest.Start(t))
	s := play(t, b)
	rows := tables{store.Scheduled{Store: b.Store}}
	assumptions := population.Assumptions("default", s.zone, population.Usual)
	runner := b.runner(t, assumptions, rows)
	once := func() {
		t.Helper()
		if err := runner.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	half := len(s.tell) / 2
	for _, tell := range s.tell[:half] {
		tell()
	}
	b.flush(t)
	once()
	for _, tell := range s.tell[half:] {
		tell()
	}
	b.flush(t)
	for _, left := range []int{4, 17} {
		killed := b.runner(t, assumptions, &flaky{rows, left})
		if err := killed.Once(t.Context()); !errors.Is(err, errKilled) {
			t.Fatalf("killed after %d statements: %v", left, err)
		}
	}
	once()
	for _, tell := range s.again {
		tell()
	}
	b.flush(t)
	once()
	compare(t, b.told(t), s.ledger())
	b.board(t, s)
	s.forget(t, b)
	once()
	compare(t, b.told(t), s.ledger())
}

// TestStatements: what people write in SQL is told beside the others, of their
// tenant alone, within its limits; what reads elsewhere or writes is refused.
func TestStatements(t *testing.T) {
	b := setup(t, enginetest.Start(t))
	now := time.Now()
	for i := range 5 {
		e := population.Event{ID: strconv.Itoa(i), Name: "goal", Time: now.Add(-time.Minute), User: "u", Attrs: map[string]string{"goal": "g" + strconv.Itoa(i%2)}}
		b.event(t, &e, now)
	}
	b.flush(t)
	b.query(t, "INSERT INTO business_events (tenant, event_id, name, time, part_day, retention_days, received_at) SELECT 'other', 'x', 'goal', now64(9), today(), 400, now64(3)")
	all, err := ParseStatements("m.yaml", []byte(`sql:
  - {name: goals_by_kind, every: 15s, statement: "SELECT attrs['goal'] AS kind, count() AS value FROM business_events_once GROUP BY kind"}
  - {name: share, every: 15s, statement: "SELECT countIf(attrs['goal'] = 'g0') AS part, count() AS n FROM business_events WHERE {tenant:String} = 'default'"}
  - {name: sessions_of_today, every: 15s, statement: "SELECT count() AS value FROM sessions WHERE day = today()"}
  - {name: too_many, every: 15s, series: 2, statement: "SELECT arrayJoin([1, 2, 3]) AS label, 1 AS value"}
  - {name: elsewhere, every: 15s, statement: "SELECT count() AS value FROM system.tables"}
  - {name: by_url, every: 15s, statement: "SELECT 1 AS value FROM url('http://127.0.0.1:1/', 'TSV', 'a String')"}
  - {name: by_file, every: 15s, statement: "SELECT length(file('/etc/passwd')) AS value"}
  - {name: lifted, every: 15s, statement: "SELECT count() AS value FROM business_events SETTINGS additional_table_filters = {}"}
  - {name: writes, every: 15s, statement: "INSERT INTO business_events (tenant) VALUES ('x')"}
  - {name: wrong, every: 15s, statement: "SELECT 1 AS vale"}
`))
	if err != nil {
		t.Fatal(err)
	}
	runner := b.runner(t, "{}", tables{store.Scheduled{Store: b.Store}})
	runner.sql = all
	if err := runner.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := b.query(t, "SELECT metric, labels['kind'], count, sum FROM business_1m FINAL WHERE tenant = 'default' AND startsWith(series, 'now') ORDER BY ALL")
	if want := "goals_by_kind\tg0\t1\t3000000\ngoals_by_kind\tg1\t1\t2000000\nsessions_of_today\t\t1\t0\nshare\t\t5\t3000000"; got != want {
		t.Errorf("told:\n%s\nwant\n%s", got, want)
	}
	for _, s := range all[3:] {
		limits := s.Limits
		limits.Tenant = "default"
		rows, err := runner.tables.Limited(t.Context(), s.SQL, limits)
		if err == nil {
			_, err = s.read(rows)
		}
		if err == nil {
			t.Errorf("%s is not refused: %v", s.Name, rows)
		}
		if !strings.HasPrefix(s.Where, "m.yaml:") {
			t.Errorf("%s is at %q", s.Name, s.Where)
		}
	}
}
