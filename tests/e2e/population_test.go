package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestPopulation plays people through the doors of the whole product, and holds
// what every metric says in each minute and on each day against the ledger; then
// the week's report against the API.
func TestPopulation(t *testing.T) {
	t.Parallel()
	plant := harness.NewUp(t)
	assumptions := filepath.Join(t.TempDir(), "assumptions.yaml")
	plant.Args = []string{"--assumptions", assumptions, "--schedule", "2s"}
	if err := os.WriteFile(assumptions, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	write := harness.Launch(t, harness.Command{Program: "spanmill", Args: []string{"demo", "--write-assumptions", assumptions}})
	if err := write.Wait(t, time.Minute); err != nil {
		t.Fatal(err)
	}
	up := harness.Start(t, plant, harness.Options{})
	code, out := run(t, up, "demo", "--population", "25", "--days", "9", "--seed", "11", "--settle", "90s")
	if code != 0 || !strings.Contains(out, "equal the ledger") {
		t.Fatalf("demo: exit %d\n%s", code, out)
	}
	t.Log(out)
	reported(t, up)
	exposed(t, up)
	dashboard(t, up)
	up.Terminate(t)
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

// reported holds every number of the report against the API's.
func reported(t *testing.T, up *harness.Instance) {
	t.Helper()
	dir := t.TempDir()
	if code, out := run(t, up, "report", "--week", "--zone", "Europe/Berlin", "--out", dir); code != 0 {
		t.Fatalf("report: exit %d\n%s", code, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	y, m, d := time.Now().In(zone).Date()
	until := time.Date(y, m, d, 0, 0, 0, 0, zone)
	numbers := 0
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|]+) \\(`([a-z0-9_]+)`\\) \\| ([^|]+) \\| ([^|]+) \\|").FindAllStringSubmatch(string(text), -1) {
		name, metric, now, of := row[1], row[2], row[3], row[4]
		if now == "–" {
			continue
		}
		numbers++
		stat := "mean"
		for _, summed := range []string{"Sessions", "Weekly active users", "Monthly active users", "Cost of sessions", "Minutes saved", "Value (deflected tickets)", "Value (contained tickets)"} {
			if name == summed {
				stat = "sum"
			}
		}
		if values := asked(t, up, metric, stat, name, until, until.Sub(until.AddDate(0, 0, -7))); !says(values, stat, now) || grouped(int64(values["count"])) != of {
			t.Errorf("%s (%s): the report says %s of %s, the API %v", name, metric, now, of, values)
		}
	}
	photographed(t, dir, string(text))
	if numbers < 30 {
		t.Errorf("%d numbers in the report, want those of all metrics\n%s", numbers, text)
	}
}

// asked is the answer of the API for a row of the report.
func asked(t *testing.T, up *harness.Instance, metric, stat, name string, until time.Time, window time.Duration) map[string]float64 {
	t.Helper()
	for _, view := range []string{"session", "user", "session_goal", "funnel", "session_task", "retention", "value"} {
		q := url.Values{"metric": {metric}, "view": {view}, "stat": {stat, "count"}, "to": {fmt.Sprint(until.Unix())}, "window": {window.String()}}
		body, err := page(t, up, "/api/v1/metrics/query?"+q.Encode())
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Unit   string `json:"unit"`
			Series []struct {
				Labels map[string]string `json:"labels"`
				Points []struct {
					Values map[string]float64 `json:"values"`
				} `json:"points"`
			} `json:"series"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		for _, s := range answer.Series {
			there := true
			for label, value := range s.Labels {
				there = there && (label == "assumptions" || strings.Contains(name+",", ", "+value+","))
			}
			if there {
				return s.Points[0].Values
			}
		}
	}
	return nil
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
