//go:build soak

package scheduled

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
)

// What a scheduled run may cost in ClickHouse, and what it is measured at: so many
// sessions a day, of three traces each, and so many new ones in each run.
const (
	mostCPU    = 2.0 // seconds
	soakADay   = 16_667
	soakTraces = 3
	soakUsers  = 30_000
	soakNew    = 50 // of about as many users: seventeen times what a quarter of a minute of the history has
	soakRuns   = 8
	soakMade   = 4  // days that a run makes; the first two of them are there again and again before that
	soakBrief  = 62 // days: more than any metric of a day looks back on
	soakLong   = 186
)

// TestSoakRunDoesNotGrowWithHistory: a run costs at most two CPU-seconds of
// ClickHouse after a million sessions, and the same within 20 % after three; and
// what was told is what a recount of the tables gives.
func TestSoakRunDoesNotGrowWithHistory(t *testing.T) {
	e := enginetest.Start(t)
	h := history{bench: setup(t, e), now: time.Now().UTC()}
	h.rows = &metered{Tables: tables{store.Scheduled{Store: h.Store}}, t: t, e: e}
	h.runner = h.bench.runner(t, population.Assumptions("default", "Europe/Berlin", population.Usual), h.rows)
	h.days(t)
	const sessions = "SELECT uniqExact(session_id) FROM trace_parts"
	h.before(t, soakMade, soakBrief)
	brief, few := h.cost(t), h.query(t, sessions)
	h.before(t, soakBrief, soakLong)
	long, many := h.cost(t), h.query(t, sessions)
	t.Logf("a run after %s sessions: %.2f CPU-s; after %s: %.2f CPU-s", few, brief, many, long)
	if brief > mostCPU || long > brief*1.2 {
		t.Errorf("want at most %.1f CPU-s, and at most a fifth more after three times the history", mostCPU)
	}
}

// history is what there is before runs are measured.
type history struct {
	*bench
	now    time.Time
	runner *Runner
	rows   *metered
	next   int // offset
}

// days adds the days up to now, and a run that makes them.
func (h *history) days(t testing.TB) {
	t.Helper()
	for day := soakMade - 1; day >= 0; day-- {
		h.next = h.insert(t, h.now.AddDate(0, 0, -day), soakADay, h.next)
	}
	h.rows.spent = map[string]float64{}
	began := time.Now()
	if err := h.runner.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.rows.tell(1)
	t.Logf("%d days of %d sessions were made in %s", soakMade, soakADay, time.Since(began).Round(time.Second))
}

// before has the first two days be there again, earlier, so that there are so many
// days in place of so many: of the same users, as runs then would have left them.
func (h *history) before(t testing.TB, from, upto int) {
	t.Helper()
	const atOnce = 10 // of two days: as many rows as the server can have in one block
	for first := (from - soakMade) / 2; first < (upto-soakMade)/2; first += atOnce {
		h.again(t, fmt.Sprintf("(SELECT toInt64(number) + 1 AS p FROM numbers(%d, %d)) AS periods", first, min(atOnce, (upto-soakMade)/2-first)))
	}
	h.query(t, "INSERT INTO user_days (tenant, user_id, day, first, traces, turns, sessions, cost_nano, retention_days, version)"+
		" SELECT 'default', user_id, toDate(end_time, 'Europe/Berlin') AS day, day = min(day) OVER (PARTITION BY user_id), count(), count(), uniqExact(session_id), toInt64(sum(cost) * 1000000000), 400,"+
		" (SELECT max(run) * 10000 + 9999 FROM scheduled_runs WHERE done) FROM trace_parts GROUP BY user_id, day")
	for _, table := range []string{"user_days", "session_facts", "business_1m"} { // as merges leave what is old
		h.query(t, "OPTIMIZE TABLE "+table+" FINAL")
	}
}

// again inserts the first two days once for each period, which has p, its number.
func (h *history) again(t testing.TB, periods string) {
	t.Helper()
	since := h.now.Add(time.Hour - soakMade*24*time.Hour).Format(time.DateTime) // no copies of copies
	old := fmt.Sprintf(" AS h CROSS JOIN %s WHERE h.src_offset < %d AND h.received_at > '%s'", periods, (soakMade-2)*soakADay*soakTraces, since)
	closed := fmt.Sprintf("'%s'", h.now.Add(-47*time.Hour).Format(time.DateTime))
	const (
		back     = "toIntervalDay(2 * p)"
		session  = "'p' || toString(p) || h.session_id AS session_id"
		received = "h.received_at - " + back + " AS received_at, h.part_day - " + back + " AS part_day"
		trace    = "lower(hex(sipHash128(toUInt64(%s) + toUInt64(p) * 1000000000000)))"
		nano     = "toUInt64(p) * 172800000000000"
	)
	id := fmt.Sprintf(trace, "h.src_offset")
	const asOne = " SETTINGS min_insert_block_size_rows = 100000000, min_insert_block_size_bytes = 0, max_insert_threads = 1" // part for each day
	for table, replaced := range map[string]string{
		"trace_parts": id + " AS trace_id, " + session + ", h.start_time - " + back + " AS start_time, h.end_time - " + back + " AS end_time," +
			" h.start_unix_nano - " + nano + " AS start_unix_nano, h.end_unix_nano - " + nano + " AS end_unix_nano, " + received,
		"business_events": "'p' || toString(p) || h.event_id AS event_id, " + session + ", h.time - " + back + " AS time, " + received,
		"assessments":     id + " AS trace_id, h.create_ms - intDiv(" + nano + ", 1000000) AS create_ms, " + received,
		"trace_deletions": "reverse(" + id + ") AS trace_id, " + received,
	} {
		h.query(t, "INSERT INTO "+table+" SELECT h.* REPLACE ("+replaced+") FROM "+table+old+asOne)
	}
	h.query(t, "INSERT INTO trace_days SELECT 'default', cityHash64("+id+"), h.part_day - "+back+", 400 FROM trace_parts"+old+asOne)
	h.query(t, "INSERT INTO session_facts SELECT h.* REPLACE ("+session+", h.day - "+back+" AS day, h.closes_at - "+back+" AS closes_at, h.started_at - "+back+" AS started_at, h.ended_at - "+back+" AS ended_at,"+
		fmt.Sprintf(" arraySort(arrayMap(i -> cityHash64("+trace+"), range(%d))) AS trace_hashes)", fmt.Sprintf("%d * toUInt64(substring(h.session_id, 2)) + i", soakTraces), soakTraces)+
		" FROM (SELECT * FROM session_facts FINAL WHERE startsWith(session_id, 's') AND closes_at < "+closed+") AS h CROSS JOIN "+periods+asOne)
	h.query(t, "INSERT INTO business_1m SELECT h.* REPLACE (h.time - "+back+" AS time, h.part_day - "+back+" AS part_day)"+
		" FROM (SELECT * FROM business_1m FINAL WHERE view NOT IN ('user', 'retention') AND time < "+closed+" AND time > '"+since+"') AS h CROSS JOIN "+periods+asOne)
}

// cost gives the CPU-seconds of a run with a few new sessions.
func (h *history) cost(t testing.TB) float64 {
	t.Helper()
	before := 0.0
	for run := range 2 + soakRuns {
		if run == 2 { // what is cached is what is usual
			h.rows.spent = map[string]float64{}
			before = cpuSeconds(t, h.rows.e)
		}
		h.next = h.insert(t, time.Now().UTC(), soakNew, h.next)
		if err := h.runner.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all := (cpuSeconds(t, h.rows.e) - before) / soakRuns
	h.rows.tell(soakRuns)
	h.recounted(t)
	return all
}

// metered counts what statements cost, by name.
type metered struct {
	Tables
	t     testing.TB
	e     *engine.Engine
	spent map[string]float64
}

func (m *metered) count(sql string) func() {
	name := fmt.Sprintf("%.60s", strings.Join(strings.Fields(sql), " "))
	if rest, there := strings.CutPrefix(sql, "/* scheduled: "); there {
		name, _, _ = strings.Cut(rest, " ")
	}
	before := cpuSeconds(m.t, m.e)
	return func() { m.spent[name] += cpuSeconds(m.t, m.e) - before }
}

func (m *metered) Exec(ctx context.Context, sql string, params map[string]string) error {
	defer m.count(sql)()
	return m.Tables.Exec(ctx, sql, params)
}

func (m *metered) Answer(ctx context.Context, sql string, params map[string]string) ([][]string, error) {
	defer m.count(sql)()
	return m.Tables.Answer(ctx, sql, params)
}

// tell logs what each cost in a run.
func (m *metered) tell(runs float64) {
	for _, name := range slices.Sorted(maps.Keys(m.spent)) {
		m.t.Logf("%-12s %.3f CPU-s a run", name, m.spent[name]/runs)
	}
}

// insert inserts sessions that ended in the last hours before an instant, with
// what is told of them: the outcome of each second one, a thumb for each tenth
// trace, and that other traces were deleted. It gives the next offset.
func (b *bench) insert(t testing.TB, until time.Time, sessions, offset int) int {
	t.Helper()
	rows := sessions * soakTraces
	from := fmt.Sprintf("(SELECT number + %[2]d AS n, 's' || toString(intDiv(n, %[1]d)) AS session, lower(hex(sipHash128(n))) AS trace,"+
		" toDateTime64('%[3]s', 9, 'UTC') - toIntervalSecond(intDiv(%[4]d - number, %[1]d) %% 70000 + 5 * (2 - number %% %[1]d)) AS at FROM numbers(%[4]d))",
		soakTraces, offset, until.Format("2006-01-02 15:04:05"), rows)
	b.query(t, "INSERT INTO trace_parts (tenant, trace_id, session_id, user_id, experiment_id, service_name, has_root, root_status, input_preview, output_preview,"+
		" start_time, end_time, start_unix_nano, end_unix_nano, spans, llm_calls, cost, received_at, part_day, retention_days, src_log, src_partition, src_offset)"+
		fmt.Sprintf(" SELECT 'default', trace, session, if(intDiv(n, %d) %% 50 = 0, 'n' || session, 'u' || toString(sipHash64(session) %% %d)), '0', 'shop', true, if(n %% 11 = 0, 'ERROR', 'OK'), 'q', 'a',", soakTraces, soakUsers)+
		" at, at + INTERVAL 3 SECOND, toUnixTimestamp64Nano(at), toUnixTimestamp64Nano(at + INTERVAL 3 SECOND), 4, 2, 0.001, at, toDate(at), 400, 'spans/0', n % 4, n FROM "+from)
	b.query(t, "INSERT INTO business_events (tenant, event_id, name, time, session_id, attrs, version, received_at, part_day, retention_days, src_log, src_partition, src_offset)"+
		fmt.Sprintf(" SELECT 'default', 'e' || session, 'session.outcome', at, session, map('outcome', 'resolved'), n, at, toDate(at), 400, 'events/0', n %% 4, n FROM %s WHERE n %% %d = 0", from, 2*soakTraces))
	b.query(t, "INSERT INTO assessments (tenant, trace_id, assessment_id, mask, name, source_type, type, value, valid, create_ms, version, received_at, part_day, retention_days, src_log, src_partition, src_offset)"+
		" SELECT 'default', trace, 'a', 511, 'helpful', 'HUMAN', 'feedback', 'true', true, toUnixTimestamp64Milli(at::DateTime64(3)), n, at, toDate(at), 400, 'events/0', n % 4, n FROM "+from+" WHERE n % 10 = 0")
	b.query(t, "INSERT INTO trace_deletions (tenant, trace_id, version, received_at, part_day, retention_days, src_log, src_partition, src_offset)"+
		" SELECT 'default', reverse(trace), n, at, toDate(at), 800, 'events/0', n % 4, n FROM "+from+" WHERE n % 200 = 0")
	return offset + rows
}

// recounted holds what runs told against a recount of the tables.
func (b *bench) recounted(t testing.TB) {
	t.Helper()
	const sessions = " FROM (SELECT session_id, any(user_id) AS user, count() AS turns, sum(cost) AS dollars, max(end_time) AS ended, toUnixTimestamp64Nano(ended) - toUnixTimestamp64Nano(min(start_time)) AS took," +
		" ended + INTERVAL 30 MINUTE <= (SELECT fromUnixTimestamp64Milli(max(run), 'UTC') FROM scheduled_runs WHERE done) AS closed FROM trace_parts GROUP BY session_id)"
	const recent = "toDate(now(), 'Europe/Berlin') - 1" // what the runs that are measured have made
	told := func(view, metric string) string {
		return "SELECT sum(count), sum(sum) FROM business_1m FINAL WHERE view = '" + view + "' AND metric = '" + metric + "'" +
			" AND (view = 'session' OR toDate(time, 'Europe/Berlin') >= " + recent + ")"
	}
	for metric, want := range map[string]string{
		"sessions_closed":  "SELECT countIf(closed), countIf(closed)" + sessions,
		"session_depth":    "SELECT countIf(closed), sumIf(turns, closed)" + sessions,
		"session_duration": "SELECT countIf(closed), sumIf(took, closed)" + sessions,
		"cost_per_session": "SELECT countIf(closed), toInt64(sumIf(dollars * 1000000000, closed))" + sessions,
		"resolution_rate":  "SELECT countIf(closed), countIf(closed AND session_id IN (SELECT session_id FROM business_events))" + sessions,
	} {
		if got, want := b.query(t, told("session", metric)), b.query(t, want); got != want {
			t.Errorf("%s: told %s, the recount is %s", metric, got, want)
		}
	}
	const days = "(SELECT DISTINCT user_id, toDate(end_time, 'Europe/Berlin') AS day FROM trace_parts)"
	for metric, want := range map[string]string{
		"daily_active_users": "SELECT count(), count() FROM " + days + " WHERE day >= " + recent,
		"monthly_active_users": "SELECT sum(n), sum(n) FROM (SELECT at, uniqExact(user_id) AS n FROM (SELECT user_id, arrayJoin(range(toUInt16(day), toUInt16(day) + 30)) AS at FROM " + days + ")" +
			" WHERE at BETWEEN toUInt16(" + recent + ") AND toUInt16(" + recent + ") + 1 GROUP BY at)",
		"new_users": "SELECT count(), countIf(day = first_day) FROM (SELECT user_id, day, min(day) OVER (PARTITION BY user_id) AS first_day FROM " + days + ") WHERE day >= " + recent,
	} {
		if got, want := b.query(t, told("user", metric)), b.query(t, want); got != want {
			t.Errorf("%s: told %s, the recount is %s", metric, got, want)
		}
	}
	const thumbs = "SELECT sum(positive) FROM session_facts FINAL WHERE NOT gone"
	if got, want := b.query(t, thumbs), b.query(t, "SELECT count() FROM assessments"); got != want {
		t.Errorf("thumbs: told %s, there are %s", got, want)
	}
}

// cpuSeconds is what the engine has used.
func cpuSeconds(t testing.TB, e *engine.Engine) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.PID()))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return (user + system) / 100
}
