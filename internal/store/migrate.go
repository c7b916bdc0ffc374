package store

import (
	"context"
	"crypto/tls"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/spanmill/spanmill/internal/store/sql"
)

// Migrate creates the database and brings its tables up to what this version
// needs. It may be run at any time, by several processes at once.
func (s *Store) Migrate(ctx context.Context) error {
	create := request{sql: "CREATE DATABASE IF NOT EXISTS " + s.cfg.Database, settings: settings(), anyDatabase: true}
	if err := s.client.exec(ctx, create); err != nil {
		return fmt.Errorf("create database %s: %w", s.cfg.Database, err)
	}
	if err := s.refuseDistributed(ctx); err != nil {
		return err
	}
	db, err := s.openDB()
	if err != nil {
		return err
	}
	p := sql.Params{Database: s.cfg.Database, DedupWindow: s.cfg.DedupWindow}
	if err := errors.Join(sql.Migrate(ctx, db, p, s.log), db.Close()); err != nil {
		return err
	}
	for _, table := range append(rowTables(), TableExperiments, TableRollups) {
		if err := s.applyWindow(ctx, table); err != nil {
			return fmt.Errorf("set deduplication window of %s: %w", table, err)
		}
	}
	return nil
}

// refuseDistributed looks at what the tables are, if they are there.
func (s *Store) refuseDistributed(ctx context.Context) error {
	engine, err := s.engineOf(ctx, TableSpans)
	if err == nil && strings.HasPrefix(engine, "Distributed") {
		err = fmt.Errorf("%w: use database %s, where the shard's own tables are", errDistributed, s.cfg.Database+sql.LocalSuffix)
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", TableSpans, err)
	}
	return nil
}

// engineOf is a table's engine with its settings, "" if there is no such table.
func (s *Store) engineOf(ctx context.Context, table string) (string, error) {
	return s.ask(ctx, fmt.Sprintf("SELECT engine_full FROM system.tables WHERE database = %s AND name = %s",
		quote(s.cfg.Database), quote(table)), false)
}

// applyWindow alters a table whose window is not the configured one.
func (s *Store) applyWindow(ctx context.Context, table string) error {
	engine, err := s.engineOf(ctx, table)
	if err != nil {
		return err
	}
	name := "non_replicated_deduplication_window"
	if strings.HasPrefix(engine, "Replicated") {
		name = "replicated_deduplication_window"
	}
	setting := fmt.Sprintf("%s = %d", name, s.cfg.DedupWindow)
	for part := range strings.SplitSeq(engine, ",") {
		if strings.HasSuffix(strings.TrimSpace(part), setting) {
			return nil
		}
	}
	return s.client.exec(ctx, request{sql: "ALTER TABLE " + table + " MODIFY SETTING " + setting, settings: settings()})
}

// errDistributed: such a table takes rows into a queue of its own and forwards
// them later, so an answer would not mean that they are stored (W15).
var errDistributed = errors.New("it is Distributed, nothing may be inserted through it")

// DDL is all that a server, or a cluster when one is named, needs to have the
// default tables: statements in order, each of which may be run again.
func DDL(cluster string) ([]sql.Statement, error) {
	cfg := Default()
	return sql.DDL(sql.Params{Database: cfg.Database, DedupWindow: cfg.DedupWindow, Cluster: cluster})
}

// openDB opens the server as database/sql, which the migrations' library wants.
func (s *Store) openDB() (*stdsql.DB, error) {
	u, err := url.Parse(s.client.bases[s.client.at.Load()])
	if err != nil {
		return nil, fmt.Errorf("store url: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	opt := &clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{u.Hostname() + ":" + port},
		HttpUrlPath: strings.TrimSuffix(u.Path, "/"),
		Auth:        clickhouse.Auth{Database: s.cfg.Database, Username: s.cfg.User, Password: s.cfg.Password},
		DialTimeout: s.cfg.DialTimeout,
		ReadTimeout: s.cfg.InsertTimeout,
	}
	if u.Scheme == "https" {
		if opt.TLS = s.cfg.TLS; opt.TLS == nil {
			opt.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	return clickhouse.OpenDB(opt), nil
}
