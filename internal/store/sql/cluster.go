package sql

import (
	"errors"
	"fmt"
	"regexp"
)

// LocalSuffix ends the name of the database that has a cluster's local tables.
// They keep the names that they have on a single server: a writer needs to know
// nothing but the database.
const LocalSuffix = "_local"

// windowSeconds is for how long a replicated table remembers insert tokens. A
// token has to outlive the insert's deadline plus the longest stall of a server;
// a week makes the count of tokens the bound that is met first.
const windowSeconds = 7 * 24 * 60 * 60

// keeperPath is where a replicated table has its state in Keeper. It names the
// table, not its UUID: a replica that is made later, by the same statements,
// joins the others. The server fills in the words in braces.
const keeperPath = "/clickhouse/tables/{shard}/{database}/{table}"

// clusterName is what may stand between quotes in statements: a name, or the
// server's own macro for it.
var clusterName = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]{0,62}|\{cluster\})$`)

var errClusterName = errors.New("a cluster's name has letters, digits, and _ . - inside, or is {cluster}")

// sharded are the tables that a cluster splits, and by what: the rows of a
// trace stay together, so that they can be joined on their shard. The views for
// people are joined there too; nothing is written to them, and they have no key.
var sharded = []struct{ table, key string }{
	{"spans", "cityHash64(trace_id)"},
	{"trace_parts", "cityHash64(trace_id)"},
	{"reprice_days", "cityHash64(reprice_id)"},
	{"reprice_spans", "cityHash64(trace_id)"},
	{"trace_info", "cityHash64(trace_id)"},
	{"trace_tags", "cityHash64(trace_id)"},
	{"assessments", "cityHash64(trace_id)"},
	{"trace_deletions", "cityHash64(trace_id)"},
	{"span_content", "cityHash64(trace_id)"},
	{"business_events", "cityHash64(if(trace_id != '', trace_id, event_id))"},
	{"experiments", "cityHash64(experiment_id)"},
	{"rollups", "cityHash64(tenant, view, metric)"},
	{"rollups_1m", "cityHash64(tenant, view, metric)"},
	{"rollups_1h", "cityHash64(tenant, view, metric)"},
	{"session_facts", "cityHash64(session_id)"},
	{"user_days", "cityHash64(user_id)"},
	{"trace_days", "trace_hash"},
	{"business_1m", "cityHash64(tenant, view, metric)"},
	{"scheduled_runs", "run"},
	{"scheduled_work", "cityHash64(id)"},
	{"scheduled_traces", "cityHash64(session_id)"},
	{"scheduled_facts", "cityHash64(session_id)"},
	{"traces", ""},
	{"llm_calls", ""},
	{"tool_calls", ""},
	{"retrievals", ""},
	{"errors", ""},
	{"assessments_latest", ""},
	{"business_events_once", ""},
	{"metrics_1m", ""},
	{"metrics_1h", ""},
	{"sessions", ""},
	{"users", ""},
}

// OnCluster has a statement run on every server of the cluster, if there is one.
func (p Params) OnCluster() string {
	if p.Cluster == "" {
		return ""
	}
	return " ON CLUSTER '" + p.Cluster + "'"
}

// MergeTree is the engine of tables with rows.
func (p Params) MergeTree() string {
	if p.Cluster == "" {
		return "MergeTree"
	}
	return "ReplicatedMergeTree('" + keeperPath + "', '{replica}')"
}

// ReplacingMergeTree is the engine of tables that keep the newest row of a key,
// by the column of that name.
func (p Params) ReplacingMergeTree(version string) string {
	if p.Cluster == "" {
		return "ReplacingMergeTree(" + version + ")"
	}
	return "ReplicatedReplacingMergeTree('" + keeperPath + "', '{replica}', " + version + ")"
}

// Window is the setting for how many insert tokens a table remembers. Tables
// that are replicated have another one, which a time bounds as well.
func (p Params) Window() string {
	if p.Cluster == "" {
		return fmt.Sprintf("non_replicated_deduplication_window = %d", p.DedupWindow)
	}
	return fmt.Sprintf("replicated_deduplication_window = %d, replicated_deduplication_window_seconds = %d", p.DedupWindow, windowSeconds)
}

// DDL gives everything from the database on. On a cluster p.Database is where
// people read and the database with LocalSuffix where writers write.
func DDL(p Params) ([]Statement, error) {
	if p.Cluster == "" {
		return withDatabase(p)
	}
	if !clusterName.MatchString(p.Cluster) {
		return nil, fmt.Errorf("cluster %q: %w", p.Cluster, errClusterName)
	}
	local := p
	local.Database += LocalSuffix
	out, err := withDatabase(local)
	if err != nil {
		return nil, err
	}
	out = append(out, p.createDatabase())
	for _, s := range sharded {
		key := ""
		if s.key != "" {
			key = ", " + s.key
		}
		// Such a table holds no rows, so replacing it is how it gets the columns
		// that a migration added. Their comments come along, the table's does not.
		out = append(out, Statement{Name: s.table, SQL: fmt.Sprintf(
			"CREATE OR REPLACE TABLE %[1]s.%[3]s%[4]s AS %[2]s.%[3]s\nENGINE = Distributed('%[5]s', '%[2]s', '%[3]s'%[6]s)\n"+
				"COMMENT '%[3]s of all shards: see the comment of %[2]s.%[3]s.'\n",
			p.Database, local.Database, s.table, p.OnCluster(), p.Cluster, key)})
	}
	return out, nil
}

func withDatabase(p Params) ([]Statement, error) {
	tables, err := Render(p)
	if err != nil {
		return nil, err
	}
	return append([]Statement{p.createDatabase()}, tables...), nil
}

func (p Params) createDatabase() Statement {
	return Statement{Name: p.Database, SQL: "CREATE DATABASE IF NOT EXISTS " + p.Database + p.OnCluster() + "\n"}
}
