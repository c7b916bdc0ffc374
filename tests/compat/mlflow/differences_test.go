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
	{
		http.MethodPost, "/api/2.0/mlflow/experiments/create", "message",
		`"Experiment(name=corpus-e1) already exists. Error: (sqlite3.IntegrityError) UNIQUE constraint failed: experiments.workspace, experiments.name\n[SQL: INSERT INTO experiments (name, workspace, artifact_location, lifecycle_stage, creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?)]\n[parameters: ('corpus-e1', 'default', '', 'active', \u003ctime\u003e, \u003ctime\u003e)]\n(Background on this error at: https://sqlalche.me/e/21/gkpj)"`,
		`"Experiment(name=corpus-e1) already exists."`,
		"the statement of a database that is not here",
	},
	{
		http.MethodPost, "/api/2.0/mlflow/experiments/update", "message",
		`"(sqlite3.IntegrityError) UNIQUE constraint failed: experiments.workspace, experiments.name\n[SQL: UPDATE experiments SET name=?, last_update_time=? WHERE experiments.experiment_id = ?]\n[parameters: ('corpus-e1', \u003ctime\u003e, 2)]\n(Background on this error at: https://sqlalche.me/e/21/gkpj)"`,
		`"Experiment(name=corpus-e1) already exists."`,
		"the statement of a database that is not here",
	},
	{
		http.MethodPost, "/api/2.0/mlflow/experiments/create", "message",
		`"Experiment(name=corpus-e1) already exists. Error: (sqlite3.IntegrityError) UNIQUE constraint failed: experiments.workspace, experiments.name\n[SQL: INSERT INTO experiments (name, workspace, artifact_location, lifecycle_stage, creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?)]\n[parameters: ('corpus-e1', 'default', '', 'active', \u003ctime\u003e, \u003ctime\u003e)]\n(Background on this error at: https://sqlalche.me/e/21/gkpj)"`,
		`"Experiment 'corpus-e1' already exists in deleted state. Restore the experiment, or rename it first, to use its name."`,
		"the statement of a database that is not here",
	},
	{
		http.MethodGet, "/api/3.0/mlflow/server-info", "workspaces_enabled",
		`false`,
		`true`,
		"workspaces are tenants, and there are always some",
	},
	{
		http.MethodGet, "/api/2.0/mlflow/no-such-route", "body",
		`"\u003c!doctype html\u003e\n\u003chtml lang=en\u003e\n\u003ctitle\u003e404 Not Found\u003c/title\u003e\n\u003ch1\u003eNot Found\u003c/h1\u003e\n\u003cp\u003eThe requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.\u003c/p\u003e\n"`,
		`"\u003c!doctype html\u003e\n\u003chtml lang=en\u003e\n\u003ctitle\u003e404 Not Found\u003c/title\u003e\n\u003ch1\u003eNot Found\u003c/h1\u003e\n\u003cp\u003eThere is no such page here. docs/mlflow.md has the calls that spanmill answers.\u003c/p\u003e\n"`,
		"the page's text is our own",
	},
	{
		http.MethodGet, "/api/3.0/mlflow/traces/{id}", "trace.trace_info.tags.mlflow.linkedPrompts",
		`nothing`,
		`"[{\"name\": \"greet\", \"version\": \"1\"}]"`,
		"a link to a prompt is kept, whether or not a registry knows the prompt",
	},
	{
		http.MethodPost, "/api/3.0/mlflow/traces/search", "traces[].tags.mlflow.linkedPrompts",
		`nothing`,
		`"[{\"name\": \"greet\", \"version\": \"1\"}]"`,
		"a link to a prompt is kept, whether or not a registry knows the prompt",
	},
	{
		http.MethodPost, "/api/2.0/mlflow/traces", "status",
		`500`,
		`400`,
		"a client's mistake is never 500",
	},
	{
		http.MethodPatch, "/api/2.0/mlflow/traces/{id}/tags", "status",
		`400`,
		`404`,
		"what is not there is 404, as in the other calls",
	},
	{
		http.MethodPost, "/api/3.0/mlflow/traces", "trace.trace_info.tags.env",
		`nothing`,
		`"prod"`,
		"the reply has the tags that were just taken",
	},
	{
		http.MethodPost, "/api/3.0/mlflow/traces", "trace.trace_info.tags.mlflow.trace.spansLocation",
		`nothing`,
		`"TRACKING_STORE"`,
		"spares clients a second upload of their spans",
	},
	{
		http.MethodPost, "/api/3.0/mlflow/traces", "status",
		`500`,
		`400`,
		"a client's mistake is never 500",
	},
	{
		http.MethodPost, "/api/3.0/mlflow/traces/search", "status",
		`200`,
		`400`,
		"clauses on attributes of spans are refused by name",
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
