package scheduled

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// pass is one run.
type pass struct {
	*Runner
	run        uint64
	now, since int64 // Unix milliseconds: of this run, and of the last one; 0: there was none
	from, till positions
	reach      reach
	made       uint64 // versions that were given away
	chunks     int
	noted      time.Time // when it was last said that the run goes on
}

// base is the version of what a run notes before it makes anything.
func (p *pass) base() uint64 { return p.run * versionsOf }

// version gives the next version of rows, and keeps the one behind it for what
// corrects them.
func (p *pass) version() (uint64, error) {
	if p.made += 2; p.made >= versionsOf {
		return 0, errors.New("more days have changed than one run has versions for")
	}
	return p.base() + p.made, nil
}

// all finds what has changed, and makes it anew tenant by tenant.
func (p *pass) all(ctx context.Context) error {
	if err := p.look(ctx); err != nil {
		return err
	}
	if err := p.heads(ctx); err != nil {
		return err
	}
	if err := p.exec(ctx, "touched", words{from: p.from, till: p.till, reach: p.reach}, params{"run": text(p.base())}); err != nil {
		return err
	}
	if err := p.exec(ctx, "seen", words{}, params{"run": text(p.base())}); err != nil {
		return err
	}
	tenants, err := p.tables.Answer(ctx, "SELECT tenant, max(changed) FROM (SELECT tenant, true AS changed FROM scheduled_work WHERE run = {run:UInt64}"+
		" UNION ALL SELECT tenant, false FROM trace_parts WHERE part_day >= today() - 1"+
		" UNION ALL SELECT tenant, false FROM session_facts WHERE day >= toDate(fromUnixTimestamp64Milli({since:Int64}, 'UTC')) - 8) GROUP BY tenant ORDER BY tenant",
		params{"run": text(p.base()), "since": strconv.FormatInt(max(p.since, p.now-maxWait.Milliseconds()), 10)})
	if err != nil {
		return fmt.Errorf("find whose sessions have changed: %w", err)
	}
	for _, row := range tenants {
		t := tenantPass{pass: p, name: row[0], tenant: p.assumed.Of(row[0])}
		if err := t.all(ctx, row[1] == "true"); err != nil {
			return fmt.Errorf("tenant %s: %w", t.name, err)
		}
		t.statements(ctx)
	}
	return p.drop(ctx)
}

// heads finds how far the tables go.
func (p *pass) heads(ctx context.Context) error {
	p.till = p.from.clone()
	var asks []string
	for _, table := range sources {
		for _, span := range p.reach.spans(table) {
			for _, rows := range p.from.behind(span.name) {
				asks = append(asks, "SELECT "+quote(table)+", src_log, src_partition, max(src_offset) FROM "+table+" WHERE "+span.days+" AND "+rows+" GROUP BY src_log, src_partition")
			}
		}
	}
	rows, err := p.tables.Answer(ctx, strings.Join(asks, " UNION ALL "), nil)
	if err != nil {
		return fmt.Errorf("find how far the tables go: %w", err)
	}
	for _, row := range rows {
		partition, err1 := strconv.ParseInt(row[2], 10, 32)
		offset, err2 := strconv.ParseInt(row[3], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("read how far %s goes: %w", row[0], err)
		}
		p.till.set(row[0], row[1], partition, offset)
	}
	if p.reach.sweep {
		for _, table := range sources {
			p.till.sweep(table)
		}
	}
	return nil
}

// params are a statement's values.
type params = map[string]string

func text(n uint64) string { return strconv.FormatUint(n, 10) }

// exec runs a statement of sql/.
func (p *pass) exec(ctx context.Context, name string, w words, values params) error {
	sql, err := render(name, w)
	if err != nil {
		return err
	}
	if err := p.tables.Exec(ctx, sql, values); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// drop forgets what was noted on the way.
func (p *pass) drop(ctx context.Context) error {
	for _, table := range []string{"scheduled_work", "scheduled_traces", "scheduled_facts"} {
		if err := p.tables.Exec(ctx, "ALTER TABLE "+table+" DROP PARTITION "+text(p.run), nil); err != nil {
			return fmt.Errorf("drop what was noted: %w", err)
		}
	}
	return nil
}

// tenantPass is one run for one tenant.
type tenantPass struct {
	*pass
	name   string
	tenant Tenant

	due      []string // conditions: which sessions' minutes are to be made anew
	changed  int64    // sessions among those
	firstDue int64    // day of the first of them
}

// values are what every statement is given.
func (t *tenantPass) values(more params) params {
	out := params{
		"tenant": t.name, "zone": t.tenant.Zone, "now": strconv.FormatInt(t.now, 10), "base": text(t.base()), "done": text(uint64(t.since)*versionsOf + versionsOf - 1),
		"wait": strconv.Itoa(int(t.tenant.Recontact / time.Second)), "lookback": strconv.Itoa(int(t.tenant.Lookback / time.Second)),
	}
	maps.Copy(out, more)
	return out
}

func (t *tenantPass) do(ctx context.Context, name string, values params) error {
	return t.exec(ctx, name, words{tenant: t.tenant}, t.values(values))
}

// ask gives the rows of a question of sql/ whose columns are whole numbers.
func (t *tenantPass) ask(ctx context.Context, name string, values params) ([][]int64, error) {
	sql, err := render(name, words{tenant: t.tenant})
	if err != nil {
		return nil, err
	}
	rows, err := t.tables.Answer(ctx, sql, t.values(values))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out := make([][]int64, len(rows))
	for i, row := range rows {
		for _, x := range row {
			n, err := strconv.ParseInt(x, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			out[i] = append(out[i], n)
		}
	}
	return out, nil
}

// all makes the days anew that have changed, then the minutes and days for which
// time has come.
func (t *tenantPass) all(ctx context.Context, changed bool) error {
	daily := newCalendar(t)
	if changed {
		if err := t.do(ctx, "told", params{"run": text(t.base())}); err != nil {
			return err
		}
		days, err := t.ask(ctx, "days", params{"run": text(t.base())})
		if err != nil {
			return err
		}
		for _, row := range days {
			if err := t.day(ctx, row[0], daily); err != nil {
				return err
			}
		}
	}
	if t.since > 0 { // else all was made anew
		if err := t.owe(ctx, daily.today, 0, t.timeHasCome()); err != nil {
			return err
		}
	}
	if err := t.minutes(ctx); err != nil {
		return err
	}
	return daily.make(ctx)
}

// day makes the sessions and users anew that what changed on a day is about.
func (t *tenantPass) day(ctx context.Context, day int64, daily *calendar) error {
	if err := t.goOn(ctx); err != nil {
		return err
	}
	version, err := t.version()
	if err != nil {
		return err
	}
	t.chunks++
	values := params{"run": text(version), "day": date(day)}
	steps := []string{"members", "users_of", "neighbours", "traces_of", "traces", "facts", "differing", "gone", "user_days", "firsts"}
	for _, name := range steps {
		if err := t.do(ctx, name, values); err != nil {
			return err
		}
	}
	changed, err := t.ask(ctx, "changed_days", values)
	if err != nil {
		return err
	}
	for _, row := range changed {
		daily.users(row[0])
	}
	daily.around(day)
	starts, err := t.ask(ctx, "starts", values)
	if err != nil || len(starts) == 0 || starts[0][0] == 0 {
		return err // nothing is otherwise than it was
	}
	return t.owe(ctx, day, starts[0][0], t.touchedBy(version, starts[0]))
}

// sessionsAtOnce is how many sessions may have changed before their minutes are
// made anew, and daysAtOnce how far they may be apart: a statement costs much, even
// for few.
const (
	sessionsAtOnce = 5000
	daysAtOnce     = 3
)

// owe remembers which sessions' minutes are to be made anew.
func (t *tenantPass) owe(ctx context.Context, day, sessions int64, due string) error {
	if len(t.due) > 0 && (t.changed+sessions > sessionsAtOnce || day > t.firstDue+daysAtOnce) {
		if err := t.minutes(ctx); err != nil {
			return err
		}
	}
	if len(t.due) == 0 {
		t.firstDue = day
	}
	t.due, t.changed = append(t.due, due), t.changed+sessions
	return nil
}

// touchedBy is the condition that a session has changed, or that its user may have
// come back by one that has: it had ended by then, and not long before. It closed
// on a day of those that have changed, or on one from that time on.
func (t *tenantPass) touchedBy(version uint64, starts []int64) string {
	ended := starts[1] - t.tenant.Recontact.Milliseconds() - 1
	return fmt.Sprintf("day BETWEEN toDate(%d) AND toDate(%d) AND (version = %d"+
		" OR ended_at BETWEEN fromUnixTimestamp64Milli(%d, 'UTC') AND fromUnixTimestamp64Milli(%d, 'UTC')"+
		" AND user_id IN (SELECT id FROM scheduled_work WHERE run = %[3]d AND tenant = %[6]s AND kind = 'user'))",
		min(starts[3], ended/perDay), max(starts[4], (starts[2]+Idle.Milliseconds())/perDay), version, ended, starts[2], quote(t.name))
}

// timeHasCome is the condition that a session has closed since the last run, or
// that it is certain by now that its user did not come back.
func (t *tenantPass) timeHasCome() string {
	between := func(before time.Duration) string {
		from, to := t.since-before.Milliseconds(), t.now-before.Milliseconds()
		at := func(ms int64) string { return fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", ms) }
		return fmt.Sprintf("(day BETWEEN toDate(%[1]s) AND toDate(%[2]s) AND closes_at > %[1]s AND closes_at <= %[2]s)", at(from), at(to))
	}
	return "(" + between(0) + " OR " + between(t.tenant.Recontact-Idle) + ")"
}

// Idle is how long nothing has come when a session closes.
const Idle = 30 * time.Minute

// minutes makes the metrics of minutes anew in which sessions close that are due.
func (t *tenantPass) minutes(ctx context.Context) error {
	if len(t.due) == 0 {
		return nil
	}
	due := "(" + strings.Join(t.due, " OR ") + ")"
	t.due, t.changed = nil, 0
	version, err := t.version()
	if err != nil {
		return err
	}
	values := params{"run": text(version)}
	if err := t.exec(ctx, "minutes", words{Due: due}, t.values(values)); err != nil {
		return err
	}
	rows, err := t.ask(ctx, "minute_days", values)
	if err != nil || len(rows) != 1 || rows[0][2] == 0 {
		return err
	}
	values["first"], values["last"] = date(rows[0][0]), date(rows[0][1])
	return t.do(ctx, "panes", values)
}

// perDay is how many milliseconds a day has.
const perDay = 24 * 60 * 60 * 1000

// date writes a day since 1970 as the server reads it.
func date(day int64) string { return time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly) }
