package scheduled

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// businessBoard is Grafana's.
const businessBoard = "../../deploy/grafana/dashboards/business.json"

// board asks every panel of Grafana's board of business: each has data, and each
// rate is shown with what it is of and the interval that it lies in.
func (b *bench) board(t *testing.T, s *script) {
	t.Helper()
	text, err := os.ReadFile(businessBoard)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
				SQL  string `json:"rawSql"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	exposed := make(map[string]bool) // to Prometheus
	gauges, err := store.Reader{Store: b.Store}.ScheduledNow(t.Context(), "default", s.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gauges {
		exposed["spanmill_"+g.View+"_"+g.Name] = g.Count > 0
	}
	asked, rates := 0, 0
	for _, p := range read.Panels {
		shown := ""
		for _, q := range p.Targets {
			asked++
			shown += " " + q.Expr + q.SQL
			if q.SQL == "" {
				name := regexp.MustCompile(`spanmill_\w+`).FindString(q.Expr)
				for _, end := range []string{"_observations", "_low", "_high"} {
					name = strings.TrimSuffix(name, end)
				}
				if !exposed[name] {
					t.Errorf("%s: Prometheus is not told %s", p.Title, name)
				}
				continue
			}
			ask := strings.NewReplacer("$__timeFilter(time)", "time >= now() - INTERVAL 60 DAY", "${tenant}", "default", "spanmill.metrics_", "metrics_").Replace(q.SQL)
			if rows := b.query(t, ask); rows == "" || strings.Contains(rows, "nan") || strings.Contains(rows, "inf") {
				t.Errorf("%s: no data: %q\n%s", p.Title, rows, ask)
			}
		}
		for _, d := range rollup.Scheduled {
			if !d.IsRate() || !regexp.MustCompile(`\b(spanmill_\w+_)?`+d.Name+`\b`).MatchString(shown) || strings.Contains(shown, "max(sum)") { // a number of users
				continue
			}
			rates++
			if said := regexp.MustCompile(` AS n\b|_observations`); !said.MatchString(shown) || !strings.Contains(shown, "low") || !strings.Contains(shown, "high") {
				t.Errorf("%s shows %s without its n and interval", p.Title, d.Name)
			}
		}
	}
	if asked < 24 || rates < 12 {
		t.Errorf("%d queries, %d rates: want those of all panels", asked, rates)
	}
}
