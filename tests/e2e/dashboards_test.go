package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// TestDashboards asks every panel's query of deploy/grafana on the demo's data:
// Prometheus's by its own engine, of what it would have scraped, and ClickHouse's
// of ClickHouse.
func TestDashboards(t *testing.T) {
	t.Parallel()
	hook := harness.NewHook(t)
	up := harness.Start(t, harness.NewUp(t), harness.Options{Env: []string{"SPANMILL_ALERTS_FILE=" + hook.Alerts(t, privateRule+dropRule)}})
	start := time.Now().Add(-3 * time.Minute).Truncate(time.Second)
	scrapes := scraped{}
	tellQuality(t, up)
	dropped := tellDrop(t, up)
	for i, seed := range []string{"1", "2"} {
		if code, out := run(t, up, "demo", "--rate", "0", "--spans", "3000", "--seed", seed, "--start", start.UTC().Format(time.RFC3339)); code != 0 {
			t.Fatalf("demo: exit %d\n%s", code, out)
		}
		harness.Eventually(t, func() error {
			return settled(t, up, float64(3000*(i+1)))
		})
		body, err := page(t, up, "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		scrapes.take(t, body, start.Add(time.Duration(i+1)*15*time.Second))
	}
	awaitSQL(t, up, "6000", "SELECT sum(count) FROM metrics_1m WHERE view = 'tenant' AND metric = 'spans'")
	evaluate(t, up)
	recounts(t, up)
	recountsOfPanes(t, up, start)
	dropFires(t, up, hook, dropped)
	figures(t, up)
	send(t, up, newCall("private")) // of which an alert is told soon
	at := start.Add(30 * time.Second)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	files, err := filepath.Glob(filepath.Join(harness.Root(t), "deploy", "grafana", "dashboards", "*.json"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	asked := 0
	for _, file := range files {
		if filepath.Base(file) == businessBoard {
			continue // sessions have to close first: TestPopulation of internal/scheduled asks it
		}
		panels := panelsOf(t, file)
		tellsHowMany(t, file, panels, scrapes)
		for _, p := range panels {
			if len(p.Targets) == 0 && p.Type != "row" && p.Type != "text" {
				t.Errorf("%s: %s asks for nothing", filepath.Base(file), p.Title)
			}
			for _, q := range p.Targets {
				asked++
				name := filepath.Base(file) + ": " + p.Title
				if q.SQL != "" {
					if rows := up.SQL(t, grafanaSQL(q.SQL)); rows == "" || strings.Contains(rows, "nan") {
						t.Errorf("%s: no data: %q\n%s", name, rows, q.SQL)
					}
					continue
				}
				expr := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1m").Replace(q.Expr)
				query, err := engine.NewInstantQuery(t.Context(), scrapes.queryable(), nil, expr, at)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				result := query.Exec(t.Context())
				if v, err := result.Vector(); err != nil || len(v) == 0 {
					t.Errorf("%s: no data: %v, %v\n%s", name, v, err, expr)
				}
				query.Close()
			}
		}
	}
	if asked < 60 {
		t.Errorf("%d queries, want those of all panels", asked)
	}
	tellsNoContent(t, up, hook)
	up.Terminate(t)
}

// evaluate sends a model call of an evaluation, which is in no metric of
// production.
func evaluate(t *testing.T, up *harness.Instance) {
	t.Helper()
	now := time.Now().UnixNano()
	postJSON(t, up, "/v1/traces", fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"judge"}}]},"scopeSpans":[{"spans":[
		{"traceId":"e5000000000000000000000000000000","spanId":"e500000000000000","name":"chat","startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[
		{"key":"spanmill.eval","value":{"boolValue":true}},{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
		{"key":"gen_ai.usage.input_tokens","value":{"intValue":"7"}}]}]}]}]}`, now, now+1e9))
	awaitSQL(t, up, "7", "SELECT sum(sum) FROM metrics_1m WHERE view = 'tenant' AND metric = 'input_tokens' AND is_eval")
	awaitSQL(t, up, "7", "SELECT sum(input_tokens) FROM spans WHERE is_eval")
	awaitSQL(t, up, "1", "SELECT count() FROM traces WHERE tenant = 'default' AND day >= today() - 1 AND is_eval")
}

// businessBoard is what a population has to be played for.
const businessBoard = "business.json"

// recounts asks every statement of docs/metrics.md, and compares with what was
// streamed.
func recounts(t *testing.T, up *harness.Instance) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, section := range regexp.MustCompile("(?s)#### ([a-z_]+)\n.*?```sql\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		asked++
		name, recount := section[1], up.SQL(t, section[2])
		view := rollup.Views[slices.IndexFunc(rollup.Views, func(v rollup.ViewDefinition) bool { return slices.Contains(v.Metrics, name) })].Name
		if rollup.DefinitionOf(name).Form != rollup.Different {
			streamed := up.SQL(t, "SELECT sum(count), sum(sum) FROM metrics_1h WHERE tenant = 'default' AND NOT is_eval AND view = '"+view+"' AND metric = '"+name+"'")
			if streamed != recount {
				t.Errorf("%s: streamed %q, by a recount %q", name, streamed, recount)
			}
			continue
		}
		body, err := page(t, up, "/api/v1/metrics/query?window=1h&metric="+name)
		var answer metricAnswer
		if err == nil {
			err = json.Unmarshal([]byte(body), &answer)
		}
		if err != nil || len(answer.Series) != 1 {
			t.Fatal(body, err)
		}
		exact, _ := strconv.ParseFloat(strings.Split(recount, "\t")[0], 64)
		if got := answer.Series[0].Points[0].Values["distinct"]; exact == 0 || math.Abs(got-exact) > 4*rollup.DistinctError*exact+0.5 {
			t.Errorf("%s: about %g, by a recount %g", name, got, exact)
		}
	}
	if asked != len(rollup.Definitions) {
		t.Errorf("%d recounts, want one of each metric", asked)
	}
}

// tellsHowMany holds that a board shows whatever has an interval with it, and with
// how many observations it is of.
func tellsHowMany(t *testing.T, file string, panels []panel, told scraped) {
	t.Helper()
	names := make(map[string]bool)
	for _, x := range told {
		names[x.labels.Get("__name__")] = true
	}
	var shown strings.Builder
	for _, p := range panels {
		for _, q := range p.Targets {
			shown.WriteString(q.Expr + "\n")
		}
	}
	for name := range names {
		if !names[name+"_low"] || !strings.Contains(shown.String(), name+"{") {
			continue
		}
		for _, end := range []string{"_n", "_low", "_high"} {
			if !strings.Contains(shown.String(), name+end+"{") {
				t.Errorf("%s shows %s without %s%s", filepath.Base(file), name, name, end)
			}
		}
	}
}

// figures holds what is told of drift and kappa against the statements of
// docs/metrics.md.
func figures(t *testing.T, up *harness.Instance) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ stat, sql string }
	for figure, columns := range map[string][]column{
		"judge_human_kappa": {{"count", "n"}, {"mean", "kappa"}, {"low", "low"}, {"high", "high"}, {"agreement", "if(told, agreement, NULL)"}},
		"score_drift":       {{"count", "n"}, {"count_before", "n_before"}, {"mean", "difference"}, {"psi", "psi"}},
	} {
		statement := regexp.MustCompile("(?s)```sql\n-- " + figure + ".*?\n(.*?);\n```").FindSubmatch(text)
		if statement == nil {
			t.Fatalf("docs/metrics.md has no statement of %s", figure)
		}
		body, err := page(t, up, "/api/v1/metrics/query?metric="+figure+"&window=24h")
		var answer metricAnswer
		if err == nil {
			err = json.Unmarshal([]byte(body), &answer)
		}
		if err != nil {
			t.Fatal(body, err)
		}
		var told []string
		for _, s := range answer.Series {
			row := s.Labels["name"]
			for _, c := range columns {
				cell := `\N`
				if x, there := s.Points[0].Values[c.stat]; there {
					cell = strconv.FormatFloat(math.Round(x*1e4)/1e4, 'f', -1, 64)
				}
				row += "\t" + cell
			}
			told = append(told, row)
		}
		ask := "SELECT name"
		for _, c := range columns {
			ask += ", round(" + c.sql + ", 4)"
		}
		recount := strings.Split(up.SQL(t, ask+" FROM ("+string(statement[1])+")"), "\n")
		slices.Sort(told)
		slices.Sort(recount)
		if !slices.Equal(told, recount) || len(told) == 0 {
			t.Errorf("%s is told as\n%s\nby SQL\n%s", figure, strings.Join(told, "\n"), strings.Join(recount, "\n"))
		}
	}
}

// settled reports whether the API has so many spans.
func settled(t *testing.T, up *harness.Instance, want float64) error {
	t.Helper()
	body, err := page(t, up, "/api/v1/metrics/query?metric=spans&window=1h&stat=count")
	if err != nil {
		return err
	}
	var answer metricAnswer
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Series) != 1 || answer.Series[0].Points[0].Values["count"] != want {
		return errors.New(body)
	}
	return nil
}

type panel struct {
	Title   string `json:"title"`
	Type    string `json:"type"`
	Targets []struct {
		Expr string `json:"expr"`
		SQL  string `json:"rawSql"`
	} `json:"targets"`
}

func panelsOf(t *testing.T, file string) []panel {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels
}

// grafanaSQL is what the ClickHouse plugin makes of a panel's query.
func grafanaSQL(q string) string {
	return strings.NewReplacer(
		"$__timeFilter(time)", "time >= now() - INTERVAL 2 HOUR AND time <= now() + INTERVAL 1 HOUR", "${tenant}", "default",
	).Replace(q)
}
