package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/alerts"
	"github.com/spanmill/spanmill/internal/live"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// alertsCommand is about alert rules.
type alertsCommand struct {
	Check alertsCheckCommand `cmd:"" help:"Read an alerts.yaml, and say what is wrong with it."`
	Test  alertsTestCommand  `cmd:"" help:"Replay what metrics were through rules, and show what would have fired."`
	Pack  alertsPackCommand  `cmd:"" help:"Print the rules for LLM applications that are shipped."`
}

type alertsPackCommand struct{}

// Run implements the command.
func (alertsPackCommand) Run(c *console) error {
	_, err := c.out.Write(alerts.PackText)
	return err
}

type alertsCheckCommand struct {
	File string `arg:"" help:"The file." type:"path"`
}

// Run implements the command.
func (a alertsCheckCommand) Run(c *console) error {
	rules, err := alerts.Load(a.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d rules, %d receivers\n", len(rules.Rules), len(rules.Receivers))
	return nil
}

// alertsTestCommand replays history.
type alertsTestCommand struct {
	target
	File   string        `arg:"" optional:"" help:"The rules; else those that are shipped." type:"path"`
	Tenant string        `help:"Whose metrics." default:"default"`
	From   time.Time     `help:"Where it begins; else a day before the end." placeholder:"TIME"`
	To     time.Time     `help:"Where it ends; else now." placeholder:"TIME"`
	Every  time.Duration `help:"How often the rules are asked." default:"5s"`
}

// Run implements the command.
func (a alertsTestCommand) Run(c *console) error {
	rules := &alerts.Rules{Rules: alerts.Pack()}
	if a.File != "" {
		var err error
		if rules, err = alerts.Load(a.File); err != nil {
			return err
		}
	}
	db, err := a.open()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	to, from := a.To, a.From
	if to.IsZero() {
		to = time.Now()
	}
	if from.IsZero() {
		from = to.Add(-24 * time.Hour)
	}
	r := &replayed{
		reader: store.Reader{Store: db}, tenant: a.Tenant, engine: alerts.NewEngine(rules.Rules, alerts.Default().MaxStates), out: c.out,
		every: max(a.Every.Truncate(time.Second), time.Second),
	}
	return r.run(ctx, from.Truncate(r.every), to)
}

// replayed is history as rules saw it: at each instant the panes that had ended
// by then.
type replayed struct {
	reader store.Reader
	tenant string
	engine *alerts.Engine
	out    io.Writer
	every  time.Duration

	live         *live.Store
	now          time.Time
	from         time.Time // rules are asked from here on
	fired, ended int
	steps        int
}

// before is how much of the past is read first, for the longest windows.
const before = 24 * time.Hour

func (r *replayed) run(ctx context.Context, from, to time.Time) error {
	cfg := live.Default()
	cfg.History = 2 * before
	r.live, r.from, r.now = live.New(cfg), from, from.Add(-before)
	r.live.Advance(r.now)
	var failed error
	err := r.reader.Panes(ctx, r.tenant, r.now.Unix(), to.Unix(), func(x *rollup.Rollup) {
		if failed == nil {
			failed = r.until(ctx, time.Unix(x.Panes[0].Start+rollup.PaneSeconds, 0))
		}
		r.live.Add(x, false)
	})
	if err == nil {
		err = failed
	}
	if err == nil {
		err = r.until(ctx, to)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s to %s: asked %d times, %d fired, %d were resolved\n",
		from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), r.steps, r.fired, r.ended)
	return nil
}

// until asks the rules at every instant before a moment: what is added next was
// not known by then.
func (r *replayed) until(ctx context.Context, moment time.Time) error {
	for ; r.now.Before(moment); r.now = r.now.Add(r.every) {
		if r.now.Unix()%60 == 0 {
			r.live.Advance(r.now)
		}
		if r.now.Before(r.from) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		changes, err := r.engine.Step(ctx, r, r.now.Unix())
		if err != nil {
			return err
		}
		r.steps++
		for i := range changes {
			r.tell(changes[i].Notice)
		}
	}
	return nil
}

func (r *replayed) tell(n *alerts.Notice) {
	switch {
	case n == nil:
		return
	case n.Status == alerts.Firing:
		r.fired++
	default:
		r.ended++
	}
	labels := make([]string, 0, len(n.Labels))
	for name, value := range n.Labels {
		labels = append(labels, name+"="+value)
	}
	fmt.Fprintf(r.out, "%s  %-8s  %s  %s  %s\n", n.At.Format(time.RFC3339), n.Status, n.Rule, strings.Join(labels, " "), n.Summary)
}

// Tenants implements alerts.History.
func (r *replayed) Tenants(context.Context) ([]string, error) { return []string{r.tenant}, nil }

// Query implements alerts.History.
func (r *replayed) Query(ctx context.Context, tenant string, q query.Metric) ([]query.Series, error) {
	if r.now.Sub(q.To) < before {
		return r.live.Query(tenant, q)
	}
	return r.reader.Metric(ctx, tenant, q)
}
