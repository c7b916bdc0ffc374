// Package sql holds the tables' definitions and brings a database up to them.
//
// Each NNNN_name.sql is one statement, a template over Params, run once and in
// order; which ones have run stands in table schema_versions. ClickHouse has no
// transactional DDL, so every statement can be run again (IF NOT EXISTS): a
// migration that was cut off is repeated. Files that were released do not
// change; a new column is a new file with ALTER TABLE … ADD COLUMN IF NOT
// EXISTS. Nothing here drops data.
//
// The same files make the tables of a cluster (cluster.go): the writers' tables
// replicated, in a database of their own on each shard, and above them, under
// the names that people use, tables over all shards. Nothing here runs those:
// whoever runs the cluster does, with what `spanmill ddl` prints.
//
// What can be configured is not history: it is compared with the tables at each
// start, and altered where it differs.
package sql
