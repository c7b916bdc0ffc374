package mlflow_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// listed is a field that may have another value than the real server's: these
// two, as JSON, or nothing.
type listed struct{ method, route, field, theirs, ours, reason string }

// mostDifferences is how many fields may differ in all.
const mostDifferences = 15

// differences is all in which our replies are not the real server's. docs/mlflow.md
// tells each to users.
var differences = []listed{
	{
		http.MethodPost, "/api/3.0/mlflow/traces", "trace.trace_info.tags", `"without the request's"`, `"with the request's"`,
		"if its spans came first, an MLflow server leaves the trace's new tags out of this answer; clients look for one only, mlflow.trace.spansLocation",
	},
}

func TestDifferencesAreFew(t *testing.T) {
	if len(differences) > mostDifferences {
		t.Errorf("%d differences are listed, at most %d may be", len(differences), mostDifferences)
	}
	for _, l := range differences {
		if l.method == "" || l.route == "" || l.field == "" || l.theirs == l.ours || l.reason == "" {
			t.Errorf("incomplete: %+v", l)
		}
	}
}

const (
	tableBegins = "<!-- differences: written by go test ./tests/compat/mlflow -run TestDifferences -record -->\n"
	tableEnds   = "<!-- end of differences -->\n"
)

// TestDifferencesAreTold: docs/mlflow.md has the list.
func TestDifferencesAreTold(t *testing.T) {
	page := readDocs(t)
	before, rest, begins := strings.Cut(page, tableBegins)
	told, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatal("docs/mlflow.md has no place for the differences")
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| call | field | an MLflow server | spanmill | why |\n|---|---|---|---|---|\n")
	for _, l := range differences {
		fmt.Fprintf(&table, "| `%s %s` | `%s` | %s | %s | %s |\n", l.method, l.route, l.field, cell(l.theirs), cell(l.ours), l.reason)
	}
	table.WriteByte('\n')
	if *record {
		page = before + tableBegins + table.String() + tableEnds + after
		if err := os.WriteFile(filepath.Join(harness.Root(t), "docs", "mlflow.md"), []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table.String(), told); diff != "" {
		t.Errorf("docs/mlflow.md (-list +page):\n%s", diff)
	}
}

// cell is a value in a table of Markdown.
func cell(value string) string {
	const most = 90
	value = strings.ReplaceAll(value, "|", "\\|")
	if len(value) > most {
		value = value[:most] + "…"
	}
	return "`" + value + "`"
}
