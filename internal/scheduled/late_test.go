package scheduled

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
)

// clocked is a server whose clock stands where it is put, and which may not say
// what old days were given: of other shards one knows nothing.
type clocked struct {
	Tables
	now  time.Time
	mute bool
}

func (c *clocked) Answer(ctx context.Context, sql string, params map[string]string) ([][]string, error) {
	rows, err := c.Tables.Answer(ctx, sql, params)
	switch {
	case err != nil:
	case strings.Contains(sql, "FROM system.parts"):
		if c.mute {
			return [][]string{{"0"}}, nil
		}
	case strings.HasPrefix(sql, "SELECT toUnixTimestamp64Milli(now64(3))"):
		rows[0][0] = strconv.FormatInt(c.now.UnixMilli(), 10)
	}
	return rows, err
}

// late is what a test of rows on old days needs.
type late struct {
	*bench
	t      *testing.T
	server *clocked
	runner *Runner
	traces int
	want   []string // sessions that runs know
}

// tell stores a session's trace, so many days before now.
func (l *late) tell(session string, days int) {
	l.t.Helper()
	l.traces++
	at := time.Now().Add(-time.Duration(days) * 24 * time.Hour)
	turn := &population.Turn{TraceID: fmt.Sprintf("%032x", l.traces), Start: at.Add(-3 * time.Second), End: at}
	l.trace(l.t, &population.Session{ID: session, User: "of " + session}, turn, time.Now())
	l.flush(l.t)
}

// run has a run begin at an instant, after which those sessions are known, too.
func (l *late) run(why string, now time.Time, known ...string) {
	l.t.Helper()
	l.server.now, l.want = now, append(l.want, known...)
	if err := l.runner.Once(l.t.Context()); err != nil {
		l.t.Fatalf("%s: %v", why, err)
	}
	got := l.query(l.t, "SELECT arrayStringConcat(arraySort(groupArray(session_id)), ' ') FROM session_facts FINAL WHERE NOT gone")
	slices.Sort(l.want)
	if want := strings.Join(l.want, " "); got != want {
		l.t.Errorf("%s: sessions %s, want %s", why, got, want)
	}
}

// TestRowsOnOldDays: a row on an old day that comes between two runs, while newer
// offsets are read, is made by the next run where the server says that the day was
// given something, and by the next sweep where it does not; none is lost, whoever
// was killed, or down for days.
func TestRowsOnOldDays(t *testing.T) {
	b := setup(t, enginetest.Start(t))
	server := &clocked{Tables: tables{store.Scheduled{Store: b.Store}}, mute: true}
	l := &late{bench: b, t: t, server: server, runner: b.runner(t, "{}", server)}
	hour := time.Now().Truncate(time.Hour)
	at := func(minutes int) time.Time { return hour.Add(time.Duration(minutes) * time.Minute) }

	l.tell("a", 9)
	l.run("the first run", at(1), "a")

	newer := func() { // of each partition
		for range 3 {
			l.tell("now", 0)
		}
	}
	l.tell("b", 6)
	newer()
	l.run("between sweeps", at(2), "now")
	l.log = 1
	l.tell("c", 6)
	newer()
	l.run("between sweeps, of a log that no run knew", at(3))
	killed := b.runner(t, "{}", &flaky{server, 3})
	if server.now = at(61); !errors.Is(killed.Once(t.Context()), errKilled) {
		t.Fatal("a sweep was not killed")
	}
	l.run("the sweep after one that was killed", at(62), "b", "c")

	l.tell("d", 5)
	newer()
	l.runner = b.runner(t, "{}", server)
	l.run("a process has begun", at(63), "d")

	l.tell("e", 1)
	newer()
	later := func(minutes int) time.Time { return at(minutes).AddDate(0, 0, 3) }
	l.run("nothing ran for three days", later(63), "e")

	server.mute = false
	l.run("the server says what days were given", later(64))
	l.tell("f", 4)
	newer()
	l.run("a day was given something", later(65), "f")
	l.tell("f", 4)
	l.run("and again", later(66))
	if got := b.query(t, "SELECT turns FROM session_facts FINAL WHERE session_id = 'f' AND NOT gone"); got != "2" {
		t.Errorf("the session has %s turns, want 2", got)
	}
}
