package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/store/sql"
	"github.com/spanmill/spanmill/internal/testkit"
)

// TestClusterDDL is read in review: what a cluster gets.
func TestClusterDDL(t *testing.T) {
	t.Parallel()
	statements, err := DDL("prod")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range statements {
		fmt.Fprintf(&all, "-- %s\n%s\n", s.Name, s.SQL)
	}
	testkit.Golden(t, "ddl_cluster.sql", []byte(all.String()))

	// A table that a new migration makes must be sharded too.
	for _, s := range statements {
		if name, made := strings.CutPrefix(s.SQL, "CREATE TABLE IF NOT EXISTS spanmill_local."); made {
			name, _, _ = strings.Cut(name, " ")
			if !strings.Contains(all.String(), "CREATE OR REPLACE TABLE spanmill."+name+" ON CLUSTER 'prod' AS spanmill_local."+name+"\n") {
				t.Errorf("no table over the shards' %s", name)
			}
		}
		if !strings.Contains(s.SQL, " ON CLUSTER 'prod'") {
			t.Errorf("%s is not made on the whole cluster", s.Name)
		}
	}
}

// TestPlainDDL: what `spanmill ddl` prints for one server is what a writer runs.
func TestPlainDDL(t *testing.T) {
	t.Parallel()
	statements, err := DDL("")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := sql.Render(sql.Params{Database: "spanmill", DedupWindow: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	if statements[0].SQL != "CREATE DATABASE IF NOT EXISTS spanmill\n" || len(statements) != len(rendered)+1 {
		t.Errorf("%d statements, the first is %q", len(statements), statements[0].SQL)
	}
	for i, want := range rendered {
		if statements[i+1] != want {
			t.Errorf("%s differs from the migration", want.Name)
		}
	}
}

func TestClusterNamesThatWouldBreakOut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a'b", "a b", "-a", "{shard}", "a\nb", strings.Repeat("x", 64)} {
		if _, err := DDL(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
	for _, name := range []string{"a", "prod-eu.1", "{cluster}"} {
		if _, err := DDL(name); err != nil {
			t.Error(err)
		}
	}
}

func testDDLParses(t *testing.T, b *bundle) {
	for _, cluster := range []string{"", "prod", "{cluster}"} {
		statements, err := DDL(cluster)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statements {
			if got := b.query(t, "SELECT formatQuerySingleLine("+quote(s.SQL)+")"); !strings.HasPrefix(got, "CREATE ") {
				t.Errorf("cluster %q, %s: %s", cluster, s.Name, got)
			}
		}
	}
	// Settings are only names to the parser.
	b.expect(t, "2", "SELECT count() FROM system.merge_tree_settings WHERE name IN ('replicated_deduplication_window', 'replicated_deduplication_window_seconds')")
}

// testDistributedIsRefused lays the tables that people read over local ones, as
// on a cluster of one.
func testDistributedIsRefused(t *testing.T, b *bundle) {
	b.insert(t, days(testDay, testDay+1), "t")
	local, all := b.cfg.Database, b.cfg.Database+"_all"
	var cluster string
	for _, statement := range []string{
		"CREATE DATABASE " + all,
		"CREATE OR REPLACE TABLE " + all + ".spans AS " + local + ".spans ENGINE = Distributed('default', '" + local + "', 'spans', cityHash64(trace_id))",
		"CREATE OR REPLACE TABLE " + all + ".spans AS " + local + ".spans ENGINE = Distributed('default', '" + local + "', 'spans', cityHash64(trace_id))",
	} {
		if err := b.exec(t.Context(), statement); err != nil {
			t.Fatal(cluster, err)
		}
	}
	b.expect(t, "2", "SELECT count() FROM "+all+".spans")

	cfg := b.cfg
	cfg.Database = all
	over := New(cfg, discard(), nil)
	defer over.Close()
	if err := over.Migrate(t.Context()); !errors.Is(err, errDistributed) || !strings.Contains(err.Error(), all+"_local") {
		t.Errorf("migrated: %v", err)
	}
}
