package scheduled

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/testkit"
)

// paused stands still before a statement, once, while something else happens.
type paused struct {
	Tables
	before    string
	skip      int // such statements before that one
	meanwhile func()
}

func (p *paused) Exec(ctx context.Context, sql string, params map[string]string) error {
	if strings.HasPrefix(sql, mark+p.before+" ") {
		if p.skip--; p.skip == -1 {
			p.meanwhile()
		}
	}
	return p.Tables.Exec(ctx, sql, params)
}

// TestOvertakenRunWritesNothing: a runner that stands still between reading and
// writing, while what it has read is taken back and another runner has made
// everything of that, changes nothing when it goes on.
func TestOvertakenRunWritesNothing(t *testing.T) {
	b := setup(t, enginetest.Start(t))
	now := time.Now()
	rows := tables{store.Scheduled{Store: b.Store}}
	named := func(name string, over Tables) *Runner {
		r := b.runner(t, population.Assumptions("default", "Europe/Berlin", population.Usual), over)
		r.cfg.Name, r.cfg.Patience, r.cfg.Every = name, time.Millisecond, time.Millisecond
		return r
	}
	session := &population.Session{ID: "s", User: "u"}
	turn := func(n int, at time.Time) *population.Turn {
		return &population.Turn{TraceID: fmt.Sprintf("%032x", n), Start: at, End: at.Add(2 * time.Second), CostNano: 7}
	}
	b.trace(t, session, turn(1, now.Add(-50*time.Hour)), now)
	b.flush(t)
	other := named("other", rows)
	if err := other.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	const published = "SELECT * FROM (SELECT 'session' AS what, toString((session_id, closes_at, turns)) AS row FROM session_facts FINAL WHERE NOT gone" +
		" UNION ALL SELECT 'user', toString((user_id, day, first, traces)) FROM user_days FINAL WHERE traces > 0" +
		" UNION ALL SELECT view, toString((metric, series, time, count, sum)) FROM business_1m FINAL WHERE count != 0 OR sum != 0) ORDER BY ALL"
	want := b.query(t, published)
	if !strings.Contains(want, "session\t") || !strings.Contains(want, "stickiness") || !strings.Contains(want, "ticket_reduction") {
		t.Fatalf("little is published:\n%s", want)
	}
	for n, step := range []string{"differing", "gone", "user_days", "panes", "note"} {
		ago := 26 * time.Hour // after the other trace: the session closes later
		if n%2 == 0 {
			ago = 70 * time.Hour // before it: the user was first seen earlier
		}
		late := turn(100+n, now.Add(-ago))
		b.trace(t, session, late, now)
		b.flush(t)
		skip := 0
		if step == "note" {
			skip = 1 // the first one says that the run begins
		}
		overtaken := named("paused", &paused{Tables: rows, before: step, skip: skip, meanwhile: func() {
			b.put(t, "trace_deletions", map[string]any{"trace_id": late.TraceID, "part_day": day(now), "received_at": clock(now.Add(time.Second))})
			b.flush(t)
			if err := other.Once(t.Context()); err != nil {
				t.Fatalf("the other runner, before %s: %v", step, err)
			}
			if got := b.query(t, published); got != want {
				t.Fatalf("the other runner, before %s, publishes\n%s\nwant\n%s", step, got, want)
			}
		}})
		if err := overtaken.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "a later run has begun") {
			t.Errorf("overtaken before %s: %v", step, err)
		}
		if got := b.query(t, published); got != want {
			t.Errorf("overtaken before %s, it publishes\n%s\nwant\n%s", step, got, want)
		}
	}
}

// TestOvertakenIsAskedByAll: of the statements that write what people see each has
// the condition.
func TestOvertakenIsAskedByAll(t *testing.T) {
	all, err := files.ReadDir("sql")
	if err != nil {
		t.Fatal(err)
	}
	fenced := 0
	for _, f := range all {
		text, err := files.ReadFile("sql/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		table := strings.Fields(string(text) + " - - -")[2]
		if seen := slices.Contains([]string{"session_facts", "user_days", "business_1m"}, table); seen != strings.Contains(string(text), "{{.Mine}}") {
			t.Errorf("%s writes %s, and asks for a later run: %t", f.Name(), table, !seen)
		} else if seen {
			fenced++
		}
	}
	if fenced < 8 {
		t.Errorf("%d statements write what people see", fenced)
	}
}

// TestStatementsUnderway: no run begins while the server is at a statement of
// another, whose process may be dead: what it will have written cannot be read yet.
func TestStatementsUnderway(t *testing.T) {
	b := setup(t, enginetest.Start(t))
	runner := b.runner(t, "{}", tables{store.Scheduled{Store: b.Store}})
	const slow, known = mark + "slow */ SELECT sum(sleepEachRow(1)) FROM numbers(600) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0", "startsWith(query, '" + mark + "slow')"
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = runner.tables.Answer(t.Context(), slow, nil) // it is killed
	}()
	testkit.Eventually(t, time.Minute, func() error {
		if b.query(t, "SELECT count() FROM system.processes WHERE "+known) == "0" {
			return errors.New("the server is not at it yet")
		}
		return nil
	})
	if err := runner.Once(t.Context()); !errors.Is(err, errOther) {
		t.Errorf("a run beside a statement of another: %v", err)
	}
	b.query(t, "KILL QUERY WHERE "+known+" SYNC")
	<-ended
	if err := runner.Once(t.Context()); err != nil {
		t.Errorf("once it has ended: %v", err)
	}
}
