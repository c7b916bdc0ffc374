package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestPopulation plays people through the doors of the whole product, whose
// process is killed between the steps of its protocols and whenever it likes, and
// holds what every metric says in each minute and on each day against the ledger;
// then what the API says, and the week's report, and the dashboard.
func TestPopulation(t *testing.T) {
	t.Parallel()
	up, ledger := survived(t, crowd{users: 25, days: 9, points: []string{"after_table_1", "in_transaction", "after_insert"}, kills: 2})
	atTheAPI(t, up, ledger)
	reported(t, up, ledger)
	exposed(t, up)
	dashboard(t, up)
	up.Terminate(t)
}

// crowd is a population, and how often the process dies while it is played: at
// named points, and then as people change their minds.
type crowd struct {
	users, days int
	points      []string
	kills       int
}

// survived plays a crowd with `spanmill demo`, which compares, and gives the last
// life with the ledger.
func survived(t *testing.T, c crowd) (up *harness.Instance, ledger map[population.Key]population.Amount) {
	t.Helper()
	plant := harness.NewUp(t)
	dir := t.TempDir()
	assumptions, book := filepath.Join(dir, "assumptions.yaml"), filepath.Join(dir, "ledger.jsonl")
	plant.Args = []string{"--assumptions", assumptions, "--schedule", "2s"}
	write := harness.Launch(t, harness.Command{Program: "spanmill", Args: []string{"demo", "--write-assumptions", assumptions}})
	if err := write.Wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	var demo *harness.Process
	for _, point := range c.points {
		reached := filepath.Join(t.TempDir(), "reached")
		up = harness.Start(t, plant, harness.Options{Tags: "faults", Env: []string{"SPANMILL_FAULT=" + point, "SPANMILL_FAULT_FILE=" + reached}})
		if demo == nil {
			demo = harness.Launch(t, harness.Command{Program: "spanmill", Args: []string{
				"demo", "--addresses", plant.AddressesFile(), "--population", fmt.Sprint(c.users), "--days", fmt.Sprint(c.days), "--seed", "11", "--settle", "2m", "--ledger", book,
			}})
		}
		harness.Eventually(t, func() error { _, err := os.Stat(reached); return err })
		up.Kill()
	}
	up = harness.Start(t, plant, harness.Options{})
	intents, told := awaitRecovery(t, up), 0
	for kill := range c.kills {
		harness.Eventually(t, func() error {
			n, err := up.TrySQL(t, "SELECT count() FROM assessments")
			if err != nil {
				return err
			}
			if told, err = strconv.Atoi(n); err == nil && told <= kill*c.users/2 {
				err = fmt.Errorf("%d assessments were told", told)
			}
			return err
		})
		if demo.Ended() {
			t.Fatalf("kill %d missed: all was sent\n%s", kill, demo.Log())
		}
		up.Kill()
		up = harness.Start(t, plant, harness.Options{})
	}
	if err := demo.Wait(t, 5*time.Minute); err != nil || !strings.Contains(demo.Log(), "equal the ledger") {
		t.Fatalf("demo: %v\n%s", err, demo.Log())
	}
	t.Logf("%d kills at named points, %d others, %d intents recovered after the last of the former, %s runs of the schedule cut off\n%s", len(c.points), c.kills, intents,
		up.SQL(t, "SELECT uniqExactIf(run, NOT done) - uniqExactIf(run, done) FROM scheduled_runs"), demo.Log())
	if again := regexp.MustCompile(`requests, (\d+) of them again`).FindStringSubmatch(demo.Log()); len(again) < 2 || again[1] == "0" {
		t.Error("nothing was sent again: the kills missed")
	}
	return up, readLedger(t, book)
}

// awaitRecovery waits for the intents that a process had open when it was killed
// at a named point behind one, and gives how many this life has recovered.
func awaitRecovery(t *testing.T, up *harness.Instance) (intents int) {
	t.Helper()
	harness.Eventually(t, func() error {
		if intents = recoveredIntents(t, up); intents == 0 {
			return errors.New("no intent was recovered")
		}
		return nil
	})
	return intents
}

func readLedger(t *testing.T, file string) map[population.Key]population.Amount {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[population.Key]population.Amount)
	for line := range bytes.Lines(text) {
		var e population.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		out[e.Key] = e.Amount
	}
	return out
}

// atTheAPI holds the API's answers of a week for every series of the ledger that
// is made on a schedule: n exactly, and each rate to its last digit.
func atTheAPI(t *testing.T, up *harness.Instance, ledger map[population.Key]population.Amount) {
	t.Helper()
	until, week := lastWeek(t)
	type series struct{ view, metric, labels string }
	want, newest := map[series]population.Amount{}, map[series]int64{}
	for k, a := range ledger {
		s := series{k.View, k.Metric, k.Labels}
		switch stated := k.View == "user" || k.View == "retention"; {
		case !slices.Contains(scheduledViews, k.View) || k.Time >= until.Unix() || k.Time < week.Unix():
		case stated && k.Time > newest[s]:
			newest[s], want[s] = k.Time, a
		case !stated:
			want[s] = population.Amount{N: want[s].N + a.N, Part: want[s].Part + a.Part}
		}
	}
	rates := 0
	for s, a := range want {
		said := answers(t, up, s.view, s.metric, until, until.Sub(week))
		got := map[string]float64{}
		for _, x := range said.Series {
			var pairs []string
			for name, value := range x.Labels {
				pairs = append(pairs, name+"="+value)
			}
			if slices.Sort(pairs); strings.Join(pairs, ",") == s.labels {
				got = x.Points[0].Values
			}
		}
		if n := got["count"]; n != float64(a.N) {
			t.Errorf("%s of %s{%s}: the API says n = %v, want %d", s.metric, s.view, s.labels, n, a.N)
		}
		if said.Unit == "ratio" && a.N > 0 {
			if rates++; got["mean"] != float64(a.Part)/float64(a.N) {
				t.Errorf("%s of %s{%s}: the API says %v, want %d of %d", s.metric, s.view, s.labels, got["mean"], a.Part, a.N)
			}
		}
	}
	if len(want) < 40 || rates < 25 {
		t.Errorf("%d series, %d of them rates, were held against the API", len(want), rates)
	}
	t.Logf("the API says the ledger's n of %d series, and %d rates of them to the last digit", len(want), rates)
}

// dashboard asks every panel of deploy/grafana/dashboards/business.json.
func dashboard(t *testing.T, up *harness.Instance) {
	t.Helper()
	exposition, err := page(t, up, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range panelsOf(t, filepath.Join(harness.Root(t), "deploy", "grafana", "dashboards", businessBoard)) {
		for _, q := range p.Targets {
			if q.SQL != "" {
				sql := strings.NewReplacer("$__timeFilter(time)", "time >= now() - INTERVAL 9 DAY AND time <= now()", "${tenant}", "default").Replace(q.SQL)
				if rows := up.SQL(t, sql); rows == "" || strings.Contains(rows, "nan") {
					t.Errorf("%s: no data: %q\n%s", p.Title, rows, sql)
				}
				continue
			}
			if name := regexp.MustCompile(`spanmill_\w+`).FindString(q.Expr); name == "" || !strings.Contains(exposition, "\n"+name+" ") {
				t.Errorf("%s: Prometheus is not told what %s asks", p.Title, q.Expr)
			}
		}
	}
}

// summed are the rows of the report that are sums, and not means.
var summed = []string{"Sessions", "Weekly active users", "Monthly active users", "Cost of sessions", "Minutes saved", "Value (deflected tickets)", "Value (contained tickets)"}

// reported holds every number of the report, as it stands in a browser, against
// the API's, and the report that is text against both.
func reported(t *testing.T, up *harness.Instance, ledger map[population.Key]population.Amount) {
	t.Helper()
	views := make(map[string]string) // of metrics
	for k := range ledger {
		if slices.Contains(scheduledViews, k.View) {
			views[k.Metric] = k.View
		}
	}
	dir := t.TempDir()
	if code, out := run(t, up, "report", "--week", "--zone", "Europe/Berlin", "--out", dir); code != 0 {
		t.Fatalf("report: exit %d\n%s", code, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	until, week := lastWeek(t)
	rows := photographed(t, filepath.Join(dir, "report.html"))
	numbers := 0
	for _, row := range rows {
		if !strings.Contains(string(text), row.markdown()) {
			t.Errorf("report.md lacks what the page says: %s", row.markdown())
		}
		if row.now == "–" {
			continue
		}
		numbers++
		stat := "mean"
		if slices.Contains(summed, row.name) {
			stat = "sum"
		}
		if values := asked(row, answers(t, up, views[row.metric], row.metric, until, until.Sub(week))); !says(values, stat, row.now) || grouped(int64(values["count"])) != row.of {
			t.Errorf("%s (%s): the page says %s of %s, the API %v", row.name, row.metric, row.now, row.of, values)
		}
		if row.before == "–" {
			continue
		}
		numbers++
		if values := asked(row, answers(t, up, views[row.metric], row.metric, week, week.Sub(week.AddDate(0, 0, -7)))); !says(values, stat, row.before) {
			t.Errorf("%s (%s): the page says %s of the week before, the API %v", row.name, row.metric, row.before, values)
		}
	}
	if there := strings.Count(string(text), "`) | "); there != len(rows) {
		t.Errorf("report.md has %d rows, the page %d", there, len(rows))
	}
	if numbers < 60 {
		t.Errorf("%d numbers in the report, want those of all metrics\n%s", numbers, text)
	}
	t.Logf("%d numbers on the page are the API's", numbers)
}

// lastWeek is the population's: it ends with the last midnight there.
func lastWeek(t *testing.T) (until, from time.Time) {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	until = time.Date(y, m, d, 0, 0, 0, 0, zone)
	return until, until.AddDate(0, 0, -7)
}

// scheduledViews are the views of what is made on a schedule.
var scheduledViews = []string{"session", "user", "session_goal", "funnel", "session_task", "retention", "value"}

// asked is what the API's answer says of a row of the report.
func asked(row shown, said answer) map[string]float64 {
	for _, s := range said.Series {
		there := true
		for label, value := range s.Labels {
			there = there && (label == "assumptions" || strings.Contains(row.name+",", ", "+value+","))
		}
		if there {
			return s.Points[0].Values
		}
	}
	return nil
}

// answer is what the API says of a metric.
type answer struct {
	Unit   string `json:"unit"`
	Series []struct {
		Labels map[string]string `json:"labels"`
		Points []struct {
			Values map[string]float64 `json:"values"`
		} `json:"points"`
	} `json:"series"`
}

func answers(t *testing.T, up *harness.Instance, view, metric string, until time.Time, window time.Duration) (a answer) {
	t.Helper()
	q := url.Values{"metric": {metric}, "view": {view}, "stat": {"mean", "sum", "count"}, "to": {fmt.Sprint(until.Unix())}, "window": {window.String()}}
	body, err := page(t, up, "/api/v1/metrics/query?"+q.Encode())
	if err == nil {
		err = json.Unmarshal([]byte(body), &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// says reports whether a number of the report is that of the API, as it is rounded.
func says(values map[string]float64, stat, text string) bool {
	v, there := values[stat]
	for _, written := range []string{
		fmt.Sprintf("%.1f %%", 100*v), fmt.Sprintf("$%.4f", v), fmt.Sprintf("%.1f s", v), fmt.Sprintf("%.2f", v), fmt.Sprintf("$%.2f", v), fmt.Sprintf("%.0f", v),
	} {
		if there && written == strings.ReplaceAll(text, ",", "") {
			return true
		}
	}
	return false
}

func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// exposed: Prometheus is told the same, with its n.
func exposed(t *testing.T, up *harness.Instance) {
	t.Helper()
	body, err := page(t, up, "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"spanmill_session_deflection_rate ", "spanmill_session_deflection_rate_observations ", `spanmill_session_goal_conversion_rate{goal="purchase"} `,
		"spanmill_user_daily_active_users_observations ", `spanmill_value_roi{assumptions="demo-1"} `,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("Prometheus is not told %s", want)
		}
	}
}
