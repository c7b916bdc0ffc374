package live

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// metricsPage is the page, as testkit.Golden names it.
const metricsPage = "../../../docs/metrics.md"

// TestMetricsPage makes the tables of docs/metrics.md, and wants of every metric
// that the page says what it is made of, where it misleads, and how to recount it.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", metricsPage))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for mark, table := range map[string]string{
		"<!-- The tables are made from the code: go test ./internal/live -run TestMetricsPage -update -->\n": seriesTable(),
		"<!-- metrics -->\n":  metricsTable(),
		"<!-- rates -->\n":    ratesTable(),
		"<!-- figures -->\n":  figuresTable(),
		"<!-- families -->\n": familiesTable(),
	} {
		head, rest, found := strings.Cut(page, mark)
		if !found {
			t.Fatalf("docs/metrics.md has lost its mark %s", mark)
		}
		rest = strings.TrimLeft(rest, "\n")
		for strings.HasPrefix(rest, "|") { // the table that is there
			_, rest, _ = strings.Cut(rest, "\n")
		}
		page = head + mark + "\n" + table + "\n" + strings.TrimLeft(rest, "\n")
	}
	testkit.Golden(t, metricsPage, []byte(page))
	for _, d := range rollup.Definitions {
		section := regexp.MustCompile(`(?s)#### ` + d.Name + "\n\n- \\*\\*Formula:\\*\\* .+?\\.\n- \\*\\*Inputs:\\*\\* .+?\\.\n- \\*\\*Misleads:\\*\\* .+?\\.\n\n```sql\nSELECT .+?```\n")
		if len(section.FindAllString(page, -1)) != 1 {
			t.Errorf("docs/metrics.md does not say of %s: formula, inputs, where it misleads, how to recount it", d.Name)
		}
	}
}

func quoted(names []string) string {
	if len(names) == 0 {
		return "–"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

func seriesTable() string {
	var b strings.Builder
	b.WriteString("| view | labels | one series for each of them among |\n|---|---|---|\n")
	for _, v := range rollup.Views {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, quoted(v.Labels), v.Of)
	}
	return b.String()
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| metric | what | keeps | unit | scale | views |\n|---|---|---|---|---|---|\n")
	for _, d := range rollup.Definitions {
		var views []string
		for _, v := range rollup.Views {
			if slices.Contains(v.Metrics, d.Name) {
				views = append(views, v.Name)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %g | %s |\n", d.Name, strings.TrimSuffix(d.Help, "."), d.Form, d.Unit, d.Scale, quoted(views))
	}
	return b.String()
}

func ratesTable() string {
	var b strings.Builder
	b.WriteString("| rate | what | part | of |\n|---|---|---|---|\n")
	of := func(m rollup.MetricName, where map[string]string) string {
		text := quoted([]string{m.View + "." + m.Name})
		for name, value := range where { // one at most
			text += ", " + quoted([]string{name}) + " = " + value
		}
		return text
	}
	for _, r := range rollup.Rates {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, strings.TrimSuffix(r.Help, "."), of(r.Of, r.Where), of(r.Over, r.OverWhere))
	}
	return b.String()
}

func figuresTable() string {
	var b strings.Builder
	b.WriteString("| figure | what | of |\n|---|---|---|\n")
	for _, f := range rollup.Figures {
		fmt.Fprintf(&b, "| `%s` | %s | `%s.%s` |\n", f.Name, strings.TrimSuffix(f.Help, "."), f.Of.View, f.Of.Name)
	}
	return b.String()
}

func familiesTable() string {
	var b strings.Builder
	b.WriteString("| Prometheus | type | labels | of |\n|---|---|---|---|\n")
	for _, f := range families {
		names := slices.DeleteFunc(slices.Clone(f.labels), func(name string) bool { return name == "" })
		of := quoted([]string{f.metric}) + " of view " + quoted([]string{f.view})
		if f.more.Name != "" {
			names = append(names, f.more.Name)
		}
		if f.stat != "" {
			names = append(names, "window")
			of = "`" + string(f.stat) + "` of " + quoted([]string{f.metric}) + " of view " + quoted([]string{f.view}) + ", over `1h` and `24h`"
		}
		if f.rate != nil {
			of = "`" + string(f.stat) + "` of rate " + quoted([]string{f.rate.Name}) + ", likewise"
		}
		if f.figure != nil {
			of = "`" + string(f.stat) + "` of figure " + quoted([]string{f.figure.Name}) + ", likewise"
		}
		if f.only != "" {
			of += ", kind " + f.only
		}
		if f.legacy {
			of += "; by `--prometheus-legacy-names`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, strings.ToLower(f.shape.kind().String()), quoted(names), of)
	}
	return b.String()
}
