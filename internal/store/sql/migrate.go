package sql

import (
	"context"
	stdsql "database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"text/template"

	"github.com/pressly/goose/v3"
)

//go:embed *.sql
var files embed.FS

// VersionTable remembers which migrations have run.
const VersionTable = "schema_versions"

// commentVersions says in the database what that table is; goose makes it.
const commentVersions = "ALTER TABLE " + VersionTable + `
    MODIFY COMMENT 'Migrations of this database that have run.',
    COMMENT COLUMN version_id 'Number of the migration.',
    COMMENT COLUMN is_applied 'It has run.',
    COMMENT COLUMN date 'Day that it ran.',
    COMMENT COLUMN tstamp 'When it ran.'`

// Params are what statements are rendered with. The methods that templates
// call are in cluster.go.
type Params struct {
	Database    string
	DedupWindow int // insert tokens that a table remembers
	// Cluster is the ClickHouse cluster that the tables are for; "" is a single
	// server.
	Cluster string
}

// Statement is one rendered migration.
type Statement struct {
	Version int64
	Name    string
	SQL     string
}

// Render gives all migrations in order.
func Render(p Params) ([]Statement, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	out := make([]Statement, 0, len(names))
	for _, name := range names { // Glob sorts
		t, err := template.New(name).Option("missingkey=error").ParseFS(files, name)
		if err != nil {
			return nil, fmt.Errorf("parse migration: %w", err)
		}
		var b strings.Builder
		if err := t.Execute(&b, p); err != nil {
			return nil, fmt.Errorf("render migration: %w", err)
		}
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		out = append(out, Statement{version, strings.TrimSuffix(name, ".sql"), b.String()})
	}
	return out, nil
}

// Migrate runs what has not run yet.
func Migrate(ctx context.Context, db *stdsql.DB, p Params, log *slog.Logger) error {
	statements, err := Render(p)
	if err != nil {
		return err
	}
	migrations := make([]*goose.Migration, 0, len(statements))
	for _, s := range statements {
		up := &goose.GoFunc{RunDB: func(ctx context.Context, db *stdsql.DB) error {
			_, err := db.ExecContext(ctx, s.SQL)
			return err
		}}
		migrations = append(migrations, goose.NewGoMigration(s.Version, up, nil))
	}
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, nil,
		goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(VersionTable), goose.WithSlog(log),
		// A number that came in below those which have run is run as well: statements
		// are idempotent, and a view that needs one has a greater number.
		goose.WithAllowOutofOrder(true))
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if len(results) > 0 {
		if _, err := db.ExecContext(ctx, commentVersions); err != nil {
			return fmt.Errorf("comment on %s: %w", VersionTable, err)
		}
	}
	for _, r := range results {
		log.InfoContext(ctx, "migrated", "version", r.Source.Version, "took", r.Duration)
	}
	return nil
}
