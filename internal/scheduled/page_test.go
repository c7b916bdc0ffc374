package scheduled

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// The page, as testkit.Golden names it, and what its table stands between.
const (
	businessPage  = "../../../docs/business.md"
	businessBegin = "<!-- The table is made from the code: go test ./internal/scheduled -run TestBusinessPage -update -->\n"
	businessEnd   = "<!-- end of the table -->\n"
)

// TestBusinessPage makes the table of docs/business.md, and wants every metric in
// one view.
func TestBusinessPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", businessPage))
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), businessBegin)
	_, tail, ended := strings.Cut(rest, businessEnd)
	if !found || !ended {
		t.Fatal("docs/business.md has lost the marks of its table")
	}
	var b strings.Builder
	b.WriteString("| metric | what | form | unit | scale | view (labels) |\n|---|---|---|---|---|---|\n")
	for _, d := range rollup.Scheduled {
		var views []string
		for _, v := range rollup.ScheduledViews {
			if slices.Contains(v.Metrics, d.Name) {
				views = append(views, "`"+v.Name+"` ("+strings.Join(v.Labels, ", ")+")")
			}
		}
		if len(views) != 1 {
			t.Errorf("%s is in views %v, want one", d.Name, views)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %g | %s |\n", d.Name, strings.TrimSuffix(d.Help, "."), d.Form, d.Unit, d.Scale, strings.ReplaceAll(strings.Join(views, ""), " ()", ""))
	}
	testkit.Golden(t, businessPage, []byte(head+businessBegin+"\n"+b.String()+"\n"+businessEnd+tail))
}

// TestMistakesAreToldWithTheirPlace: in both files.
func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	t.Parallel()
	_, err := ParseAssumptions("a.yaml", []byte(`tenants:
  - tenant: x
    timezone: Mars/Olympus
    recontact: 30d
    funnels:
      - {name: f, steps: [one]}
    versions:
      - {version: b, from: 2026-02-30, hourly_rate: -1}
      - {from: 2026-01-01, ticket_cost: 0.12345678901}
  - tenant: x
`))
	for _, want := range []string{"a.yaml:3:15: ", "a.yaml:4:16: ", "a.yaml:6:9: ", "a.yaml:8:9: it is from a day on", "a.yaml:8:53: ", "a.yaml:9:9: it has no version", "a.yaml:9:41: ", "a.yaml:10:5: there is another"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	_, err = ParseStatements("m.yaml", []byte(`metrics: []
sql:
  - {name: Bad, statement: SELECT 1, every: 1s}
  - {name: session, statement: SELECT 1, series: 5000}
  - {name: empty}
`))
	for _, want := range []string{"m.yaml:3:12: ", "m.yaml:3:45: ", "m.yaml:4:12: ", "m.yaml:4:5: at most", "m.yaml:5:5: it has no statement"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
