package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/weekly"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// reportCommand writes a week's numbers on one page.
type reportCommand struct {
	Addresses string `help:"Addresses file of a running 'spanmill up'." type:"path"`
	DataDir   string `help:"Data directory of a running 'spanmill up'." default:"spanmill-data" type:"path"`
	API       string `name:"api" help:"Base address of the metrics' API instead, such as http://host:8088." placeholder:"URL"`
	KeyFile   string `help:"File with the API key to ask with." type:"path"`
	Tenant    string `help:"What the tenant is called on the page; the key decides whose numbers they are." default:"default"`

	Week  bool   `help:"The seven days before --until." default:"true" negatable:""`
	Until string `help:"The day (2006-01-31) on whose start the report ends; today if empty."`
	Zone  string `help:"Time zone of the days." default:"UTC"`
	Out   string `help:"Folder to write report.md and report.html to; else the Markdown is printed." type:"path"`
}

// reportDays is how long a report is.
const reportDays = 7

// Run implements the command.
func (r reportCommand) Run(c *console) error {
	if !r.Week {
		return errors.New("a report is of a week: leave --no-week out")
	}
	asks, err := r.asker()
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	y, m, d := time.Now().In(zone).Date()
	until := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if r.Until != "" {
		if until, err = time.ParseInLocation(time.DateOnly, r.Until, zone); err != nil {
			return fmt.Errorf("until: %w", err)
		}
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	page := &weekly.Report{Tenant: r.Tenant, From: until.AddDate(0, 0, -reportDays), To: until, Made: time.Now()}
	if err := asks.fill(ctx, page); err != nil {
		return err
	}
	if r.Out == "" {
		return page.Markdown(c.out)
	}
	return writePages(page, r.Out, c.out)
}

func writePages(page *weekly.Report, dir string, out io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for everybody to read, as the pages
		return err
	}
	for name, write := range map[string]func(io.Writer) error{"report.md": page.Markdown, "report.html": page.HTML} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s and report.md\n", filepath.Join(dir, "report.html"))
	return err
}

func (r reportCommand) asker() (*asker, error) {
	a := &asker{base: strings.TrimRight(r.API, "/"), http: &http.Client{Timeout: time.Minute}}
	if a.base == "" {
		at, err := readAddresses(addressesPath(r.Addresses, r.DataDir))
		if err != nil {
			return nil, err
		}
		a.base = "http://" + at.API
	}
	key, err := apiKey(r.KeyFile)
	a.key = key
	return a, err
}

// asker asks the metrics' API.
type asker struct {
	base, key string
	http      *http.Client
}

// told is what the API says of a metric's series.
type told struct {
	Unit   string `json:"unit"`
	Series []struct {
		Labels map[string]string `json:"labels"`
		Points []struct {
			From   int64              `json:"from"`
			To     int64              `json:"to"`
			Values map[string]float64 `json:"values"`
		} `json:"points"`
	} `json:"series"`
}

func (a *asker) ask(ctx context.Context, q url.Values) (out told, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/api/v1/metrics/query?"+q.Encode(), http.NoBody)
	if err != nil {
		return out, fmt.Errorf("ask for metrics: %w", err)
	}
	if a.key != "" {
		request.Header.Set("Authorization", "Bearer "+a.key)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return out, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.300s", response.Status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &out)
	}
	if err != nil {
		return out, fmt.Errorf("ask for %s: %w", q.Get("metric"), err)
	}
	return out, nil
}

// figure is a number of the report: a statistic of a metric.
type figure struct{ name, view, metric, stat, unit string }

// figures are those of each section, with the metrics that have charts.
var figures = []struct {
	title, about string
	rows         []figure
	charts       []figure
}{
	{
		"Use", "Who came, how often and for how long.",
		[]figure{
			{"Sessions", "session", "sessions_closed", "sum", "count"},
			{"Weekly active users", "user", "weekly_active_users", "sum", "count"},
			{"Monthly active users", "user", "monthly_active_users", "sum", "count"},
			{"Stickiness (daily by monthly)", "user", "stickiness", "mean", ""},
			{"New users, last day", "user", "new_users", "mean", ""},
			{"Session duration, mean", "session", "session_duration", "mean", ""},
			{"Turns a session, mean", "session", "session_depth", "mean", ""},
			{"Engaged", "session", "engagement_rate", "mean", ""},
			{"Bounced", "session", "bounce_rate", "mean", ""},
			{"Of a single turn", "session", "single_turn_rate", "mean", ""},
		},
		[]figure{{"Sessions a day", "session", "sessions_closed", "sum", "count"}, {"Active users a day", "user", "daily_active_users", "sum", "count"}},
	},
	{
		"Outcome", "How sessions end. What needs 48 hours to be known is of sessions for which they are over.",
		[]figure{
			{"Completed", "session", "completion_rate", "mean", ""},
			{"Completed, as told", "session", "completion_rate_told", "mean", ""},
			{"Resolved", "session", "resolution_rate", "mean", ""},
			{"Turns to resolution, mean", "session", "turns_to_resolution", "mean", ""},
			{"Abandoned", "session", "abandonment_rate", "mean", ""},
			{"Abandoned, strictly", "session", "abandonment_rate_strict", "mean", ""},
			{"Escalated", "session", "escalation_rate", "mean", ""},
			{"Deflected (lenient)", "session", "deflection_rate", "mean", ""},
			{"Contained (strict)", "session", "containment_rate", "mean", ""},
			{"Came back after resolved", "session", "recontact_rate", "mean", ""},
			{"Reached goal", "session_goal", "conversion_rate", "mean", ""},
			{"Users who reached goal", "session_goal", "conversion_rate_users", "mean", ""},
			{"Funnel step", "funnel", "funnel_step_rate", "mean", ""},
			{"Task completed", "session_task", "tasks_completed_rate", "mean", ""},
			{"Task automated", "session_task", "automation_rate", "mean", ""},
		},
		[]figure{{"Completed", "session", "completion_rate", "mean", ""}, {"Contained (strict)", "session", "containment_rate", "mean", ""}},
	},
	{
		"Retention", "Of the users whose day N was one of the 28 days up to the last: classic on exactly that day, rolling on that day or later, range on any day up to it.",
		[]figure{
			{"Day 1, classic", "retention", "retention_d1_classic", "mean", ""},
			{"Day 1, rolling", "retention", "retention_d1_rolling", "mean", ""},
			{"Day 1, range", "retention", "retention_d1_range", "mean", ""},
			{"Day 7, classic", "retention", "retention_d7_classic", "mean", ""},
			{"Day 7, rolling", "retention", "retention_d7_rolling", "mean", ""},
			{"Day 7, range", "retention", "retention_d7_range", "mean", ""},
			{"Day 30, classic", "retention", "retention_d30_classic", "mean", ""},
			{"Day 30, rolling", "retention", "retention_d30_rolling", "mean", ""},
			{"Day 30, range", "retention", "retention_d30_range", "mean", ""},
		},
		nil,
	},
	{
		"Cost and worth", "What it cost, and what it was worth by the assumptions.",
		[]figure{
			{"Cost of sessions", "session", "cost_per_session", "sum", ""},
			{"Cost per session", "session", "cost_per_session", "mean", ""},
			{"Cost per resolution", "session", "cost_per_resolution", "mean", ""},
			{"Cost per task", "session_task", "cost_per_task", "mean", ""},
			{"Minutes saved", "value", "minutes_saved", "sum", ""},
			{"Completed tasks per user-hour", "session", "productivity", "mean", ""},
			{"Value (deflected tickets)", "value", "value", "sum", ""},
			{"Value (contained tickets)", "value", "value_strict", "sum", ""},
			{"ROI (deflected tickets)", "value", "roi", "mean", ""},
			{"ROI (contained tickets)", "value", "roi_strict", "mean", ""},
			{"Ticket reduction", "value", "ticket_reduction", "mean", ""},
		},
		[]figure{{"Cost a day", "session", "cost_per_session", "sum", ""}, {"Value a day", "value", "value", "sum", ""}},
	},
}

// fill asks for every number of the report.
func (a *asker) fill(ctx context.Context, page *weekly.Report) error {
	for _, f := range figures {
		s := weekly.Section{Title: f.title, About: f.about}
		for _, x := range f.rows {
			rows, err := a.rows(ctx, x, page)
			if err != nil {
				return err
			}
			s.Rows = append(s.Rows, rows...)
		}
		for _, x := range f.charts {
			chart, err := a.chart(ctx, x, page)
			if err != nil {
				return err
			}
			s.Charts = append(s.Charts, chart)
		}
		page.Sections = append(page.Sections, s)
	}
	return nil
}

// rows give a figure of each of its series: of the week, and of the one before.
func (a *asker) rows(ctx context.Context, f figure, page *weekly.Report) (out []weekly.Row, err error) {
	week := page.To.Sub(page.From)
	byName := make(map[string]*weekly.Row)
	for i, end := range []time.Time{page.To, page.From} {
		answer, err := a.ask(ctx, url.Values{
			"view": {f.view}, "metric": {f.metric}, "stat": {f.stat, "count", "low", "high"}, "to": {strconv.FormatInt(end.Unix(), 10)}, "window": {week.String()},
		})
		if err != nil {
			return nil, err
		}
		for _, s := range answer.Series {
			row := weekly.Row{Name: f.name, Metric: f.metric, Unit: f.unit}
			for _, label := range slices.Sorted(maps.Keys(s.Labels)) {
				if label == "assumptions" {
					page.Version = s.Labels[label]
					continue
				}
				row.Name += ", " + s.Labels[label]
			}
			if row.Unit == "" {
				row.Unit = answer.Unit
			}
			row.Rate = rollup.DefinitionOf(f.metric).IsRate()
			at := byName[row.Name]
			if at == nil {
				at = &row
				byName[row.Name] = at
			}
			*[]*weekly.Number{&at.Now, &at.Before}[i] = numberOf(s.Points[len(s.Points)-1].Values, f.stat)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, *byName[name])
	}
	if len(out) == 0 {
		out = []weekly.Row{{Name: f.name, Metric: f.metric, Unit: f.unit}}
	}
	return out, nil
}

func numberOf(values map[string]float64, stat string) weekly.Number {
	v, there := values[stat]
	return weekly.Number{Value: v, Of: int64(values["count"]), There: there, Low: values["low"], High: values["high"]}
}

// chart gives a figure day by day; days differ in length where clocks are changed.
func (a *asker) chart(ctx context.Context, f figure, page *weekly.Report) (weekly.Chart, error) {
	c := weekly.Chart{Title: f.name, Unit: f.unit, Rate: rollup.DefinitionOf(f.metric).IsRate()}
	for day := page.From; day.Before(page.To); day = day.AddDate(0, 0, 1) {
		end := day.AddDate(0, 0, 1)
		answer, err := a.ask(ctx, url.Values{
			"view": {f.view}, "metric": {f.metric}, "stat": {f.stat, "count"}, "to": {strconv.FormatInt(end.Unix(), 10)}, "window": {end.Sub(day).String()}, "by": {""},
		})
		if err != nil {
			return c, err
		}
		d := weekly.Day{Day: day}
		if len(answer.Series) > 0 {
			d.Number = numberOf(answer.Series[0].Points[0].Values, f.stat)
		}
		if c.Unit == "" {
			c.Unit = answer.Unit
		}
		c.Days = append(c.Days, d)
	}
	return c, nil
}
