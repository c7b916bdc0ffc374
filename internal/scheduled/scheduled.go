package scheduled

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config bounds runs.
type Config struct {
	// Every is how often a run begins.
	Every time.Duration
	// Patience is how long another process is given to end a run that it began.
	Patience time.Duration
	// Name tells the process from others, and is the same when it is started
	// again: it does not wait for itself.
	Name string
}

// Default is a run every quarter of a minute.
func Default() Config {
	return Config{Every: 15 * time.Second, Patience: 2 * time.Minute, Name: "scheduled"}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	if c.Every < time.Second || c.Every > time.Hour {
		return fmt.Errorf("sessions are made anew every %s, must be a second to an hour", c.Every)
	}
	return nil
}

// Tables run statements. Values in braces are parameters.
type Tables interface {
	// Exec runs a statement for its effect.
	Exec(ctx context.Context, sql string, params map[string]string) error
	// Answer gives the rows of a small answer, as texts.
	Answer(ctx context.Context, sql string, params map[string]string) ([][]string, error)
	// Limited asks a statement of people's own, that may read only, and only what
	// is its tenant's. The first row names the columns.
	Limited(ctx context.Context, sql string, limits Limits) ([][]string, error)
}

// Dependencies are what a runner leans on.
type Dependencies struct {
	Tables      Tables
	Assumptions *Assumptions
	SQL         []Statement // of metrics.yaml
	Log         *slog.Logger
	Reg         prometheus.Registerer
}

// Runner makes sessions, users and their metrics, again and again. It is a
// service. Several may run: one at a time does, as long as it does.
type Runner struct {
	cfg     Config
	tables  Tables
	assumed *Assumptions
	sql     []Statement
	log     *slog.Logger
	metrics *metrics
	ready   chan struct{}
	given   string // what old days had been given by the last run of this process
}

// New gives a runner that does nothing before Run.
func New(cfg Config, d Dependencies) *Runner {
	return &Runner{
		cfg: cfg, tables: d.Tables, assumed: d.Assumptions, sql: d.SQL, log: d.Log.With("service", "scheduled"),
		metrics: newMetrics(d.Reg), ready: make(chan struct{}),
	}
}

// Ready is closed once it runs.
func (r *Runner) Ready() <-chan struct{} { return r.ready }

// Run runs until ctx ends. What fails is tried again with the next one.
func (r *Runner) Run(ctx context.Context) error {
	close(r.ready)
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	for {
		switch err := r.Once(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, errOther):
			r.metrics.failed.Inc()
			r.log.WarnContext(ctx, "sessions and users are not up to date; the next run goes on from there", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// errOther: another process is at it, or has just been.
var errOther = errors.New("another process runs the schedule")

// versionsOf is how many versions of rows a run may make: two for each day of a
// tenant that it looks at.
const versionsOf = 10_000

// Once makes anew what has changed since the last run.
func (r *Runner) Once(ctx context.Context) error {
	began := time.Now()
	p, err := r.begin(ctx)
	if err != nil {
		return err
	}
	if err := p.all(ctx); err != nil {
		return fmt.Errorf("run %d: %w", p.run, err)
	}
	if err := r.note(ctx, p, true); err != nil {
		return err
	}
	r.given = p.reach.given
	r.metrics.runs.Inc()
	r.metrics.days.Add(float64(p.chunks))
	r.metrics.took.Observe(time.Since(began).Seconds())
	r.metrics.last.Set(float64(p.now) / 1000)
	return nil
}

// begin finds where the last run ended, and says that one begins.
func (r *Runner) begin(ctx context.Context) (*pass, error) {
	rows, err := r.tables.Answer(ctx, "SELECT toUnixTimestamp64Milli(now64(3)), (SELECT max(run) FROM scheduled_runs),"+
		" (SELECT argMax((run, positions, settings), run) FROM scheduled_runs WHERE done) AS last, last.1, last.2, last.3,"+
		" (SELECT count() FROM scheduled_runs WHERE NOT done AND runner != {me:String} AND time > now64(3) - toIntervalMillisecond({patience:UInt64})"+
		"     AND run > (SELECT max(run) FROM scheduled_runs WHERE done)),"+
		" (SELECT count() FROM scheduled_runs WHERE done AND runner != {me:String} AND time > now64(3) - toIntervalMillisecond({every:UInt64})), "+underway,
		params{"me": r.cfg.Name, "patience": milli(r.cfg.Patience), "every": milli(r.cfg.Every / 2)})
	if err != nil {
		return nil, fmt.Errorf("find the last run: %w", err)
	}
	if len(rows) != 1 || len(rows[0]) != 9 {
		return nil, fmt.Errorf("find the last run: got %q", rows)
	}
	row := rows[0]
	if row[6] != "0" || row[7] != "0" || row[8] != "0" {
		return nil, errOther
	}
	p := &pass{Runner: r}
	if p.now, err = strconv.ParseInt(row[0], 10, 64); err != nil {
		return nil, fmt.Errorf("read the server's time: %w", err)
	}
	newest, _ := strconv.ParseUint(row[1], 10, 64) // 0 where there is none
	last, _ := strconv.ParseUint(row[3], 10, 64)
	p.run = max(uint64(p.now), newest+1)
	p.since = int64(last)
	if row[5] == r.settings() {
		p.from, err = parsePositions(row[4])
	} else {
		p.from, p.since = positions{}, 0 // something else is assumed: all is made anew
	}
	if err != nil {
		return nil, err
	}
	p.from.onAllDays()
	if err := r.note(ctx, p, false); err != nil {
		return nil, err
	}
	return p, r.alone(ctx, p)
}

// alone reports errOther unless the run is the only one that can write: none has
// begun later, or at the same time by a greater name, and no statement of one that
// began earlier is still underway. Those that come now are refused.
func (r *Runner) alone(ctx context.Context, p *pass) error {
	rows, err := r.tables.Answer(ctx, "SELECT count(), "+underway+" FROM scheduled_runs WHERE (run, runner) > ({run:UInt64}, {me:String})", params{"run": text(p.run), "me": r.cfg.Name})
	if err != nil {
		return fmt.Errorf("find other runs: %w", err)
	}
	if len(rows) != 1 || rows[0][0] != "0" || rows[0][1] != "0" {
		return errOther
	}
	return nil
}

// mark begins the statements of runs, and underway counts those that the server
// is at: one goes on when the process that sent it has died.
const (
	mark     = "/* scheduled: "
	underway = "(SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND startsWith(query, '" + mark + "'))"
)

// mine is the condition of each statement that writes what people see. It fails
// where a later run has begun: that one has read what this one has not.
const mine = "NOT throwIf((SELECT count() FROM scheduled_runs WHERE run > intDiv({base:UInt64}, 10000)) > 0, 'a later run has begun')"

func milli(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// layout is the number of what runs write: where it was another one, all is made
// anew.
const layout = 2

// settings are what the rows of a run rest on beside what is in the tables.
func (r *Runner) settings() string { return r.assumed.digest + "/" + strconv.Itoa(layout) }

// note writes down that a run begins, goes on, or is done.
func (r *Runner) note(ctx context.Context, p *pass, done bool) error {
	at := p.till
	if !done {
		at = p.from
	}
	err := r.tables.Exec(ctx, mark+"note */ INSERT INTO scheduled_runs (run, runner, done, positions, settings, time)"+
		" SELECT {run:UInt64}, {me:String}, {done:Bool}, {positions:String}, {settings:String}, now64(3) WHERE "+mine,
		params{
			"run": text(p.run), "me": r.cfg.Name, "done": strconv.FormatBool(done),
			"positions": at.text(), "settings": r.settings(), "base": text(p.base()),
		})
	if err != nil {
		return fmt.Errorf("note run %d: %w", p.run, err)
	}
	p.noted = time.Now()
	return nil
}

// goOn notes a run that takes long again, before another process has waited for
// it long enough.
func (p *pass) goOn(ctx context.Context) error {
	if time.Since(p.noted) < p.cfg.Patience/4 {
		return nil
	}
	return p.note(ctx, p, false)
}
