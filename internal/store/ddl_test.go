package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
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
		name, made := strings.CutPrefix(s.SQL, "CREATE TABLE IF NOT EXISTS spanmill_local.")
		view, viewed := strings.CutPrefix(s.SQL, "CREATE OR REPLACE VIEW spanmill_local.")
		if viewed {
			name = view
		}
		if made || viewed {
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
			if got := b.query(t, "SELECT formatQuerySingleLine("+quote(s.SQL)+")"); !strings.HasPrefix(got, "CREATE ") && !strings.HasPrefix(got, "ALTER TABLE ") {
				t.Errorf("cluster %q, %s: %s", cluster, s.Name, got)
			}
		}
	}
	// Settings are only names to the parser.
	b.expect(t, "2", "SELECT count() FROM system.merge_tree_settings WHERE name IN ('replicated_deduplication_window', 'replicated_deduplication_window_seconds')")
}

// clusterOfOne is known to the engine as prod. It has no Keeper, so what needs
// one is taken out of the statements.
const clusterOfOne = `<clickhouse>
    <remote_servers><prod><shard><replica><host>127.0.0.1</host><port>%s</port><user>%s</user><password>%s</password></replica></shard></prod></remote_servers>
</clickhouse>`

// TestClusterTables runs what a cluster gets, on a cluster of one server: what
// is written to the local tables is read over all shards, and a writer refuses
// to insert there.
func TestClusterTables(t *testing.T) {
	t.Parallel()
	engineCfg := enginetest.Config(t, t.TempDir())
	engineCfg.TCPAddr = testkit.FreeAddr(t)
	_, port, _ := strings.Cut(engineCfg.TCPAddr, ":")
	for name, text := range map[string]string{
		"password":             "secret", // kept by the engine
		"config.d/cluster.xml": fmt.Sprintf(clusterOfOne, port, engine.User, "secret"),
	} {
		path := filepath.Join(engineCfg.DataDir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil { // in this order
			t.Fatal(err)
		}
	}
	e, _ := enginetest.Run(t, engineCfg, prometheus.NewRegistry())

	at := e.Endpoint()
	cfg := Default()
	cfg.URL, cfg.User, cfg.Password, cfg.Database = "http://"+at.HTTPAddr, at.User, at.Password, "spanmill_local"
	local := &bundle{Store: New(cfg, discard(), prometheus.NewRegistry()), engine: e}
	defer local.Close()
	statements, err := DDL("prod")
	if err != nil {
		t.Fatal(err)
	}
	alone := strings.NewReplacer(" ON CLUSTER 'prod'", "", "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')", "MergeTree",
		"ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ", "ReplacingMergeTree(")
	for range 2 {
		for _, s := range statements {
			if err := local.client.exec(t.Context(), request{sql: alone.Replace(s.SQL), settings: settings(), anyDatabase: true}); err != nil {
				t.Fatalf("%s: %v", s.Name, err)
			}
		}
	}
	if err := local.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
	local.insert(t, days(testDay, testDay+1), "t")
	local.expect(t, "2", "SELECT count() FROM spanmill.spans")
	local.expect(t, "2", "SELECT count() FROM spanmill.llm_calls")
	for _, database := range []string{"spanmill", "spanmill_local"} {
		testAllIsCommented(t, local, database)
	}
	local.expect(t, "0", "SELECT count() FROM spanmill.trace_parts")

	cfg.Database = "spanmill"
	over := New(cfg, discard(), prometheus.NewRegistry())
	defer over.Close()
	if err := over.Migrate(t.Context()); !errors.Is(err, errDistributed) || !strings.Contains(err.Error(), "spanmill_local") {
		t.Errorf("a writer on the tables over all shards: %v", err)
	}
}
