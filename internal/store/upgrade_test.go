package store

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/store/sql"
)

// testUpgrade: databases of older versions come up to this one with their rows,
// whichever migrations they have: views were numbers 50 to 54 once, and numbers
// came in between later.
func testUpgrade(t *testing.T, b *bundle) {
	for what, has := range map[string]func(version int64) bool{
		"before_views_moved":      func(v int64) bool { return v <= 57 },
		"before_costs_of_input":   func(v int64) bool { return v <= 57 && (v < 26 || v > 28) },
		"before_business_metrics": func(v int64) bool { return v < 60 || v > 79 && v <= 86 }, // 87 came after those that came in
	} {
		old := older(t, b, what, has)
		for range 2 {
			if err := old.Migrate(t.Context()); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		old.expect(t, "1\tfalse", "SELECT count(), any(is_eval) FROM spans")
		old.expect(t, "1\t1\tfalse", "SELECT count(), sum(spans), any(is_eval) FROM traces WHERE tenant = 'acme' AND day >= '2026-01-01'")
		old.expect(t, "1", "SELECT count() FROM llm_calls WHERE tenant = 'acme'")
		old.expect(t, b.query(t, columnsOf), columnsOf)
	}
}

// columnsOf asks for all that a database has.
const columnsOf = "SELECT table, groupArray((name, type, comment)) FROM (SELECT * FROM system.columns WHERE database = currentDatabase() ORDER BY table, name) GROUP BY table ORDER BY table"

// older is a database with some migrations only, and a trace.
func older(t *testing.T, b *bundle, what string, has func(version int64) bool) *bundle {
	t.Helper()
	cfg := b.cfg
	cfg.Database += "_" + what
	old := &bundle{Store: New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry()), engine: b.engine}
	t.Cleanup(old.Close)
	must := func(statement string) {
		if err := b.exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	must("CREATE DATABASE " + cfg.Database)
	must("CREATE TABLE " + cfg.Database + "." + sql.VersionTable + " AS " + sql.VersionTable)
	statements, err := sql.Render(sql.Params{Database: cfg.Database, DedupWindow: cfg.DedupWindow})
	if err != nil {
		t.Fatal(err)
	}
	versions := []int64{0} // the library's own
	for _, s := range statements {
		if has(s.Version) {
			must(s.SQL)
			versions = append(versions, s.Version)
		}
	}
	if !has(81) {
		for i, view := range []string{"traces", "llm_calls", "tool_calls", "retrievals", "errors"} {
			must("CREATE VIEW " + cfg.Database + "." + view + " AS SELECT tenant, trace_id FROM " + cfg.Database + ".spans")
			versions = append(versions, int64(50+i))
		}
	}
	var rows []string
	for _, v := range versions {
		rows = append(rows, fmt.Sprintf(`{"version_id": %d, "is_applied": 1}`, v))
	}
	old.rowsOf(t, sql.VersionTable, strings.Join(rows, "\n"))
	old.rowsOf(t, "spans", piece(1, `"operation":"chat","kind":"LLM"`))
	old.rowsOf(t, "trace_parts", part(1, ""))
	return old
}
