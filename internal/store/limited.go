package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits bound a statement that somebody wrote.
type Limits struct {
	Time   time.Duration
	Rows   int   // of the answer
	Memory int64 // bytes the server may use
	Tenant string
}

// Limited asks a statement that somebody wrote: it may read only, and of every
// table only the tenant's rows. {tenant:String} is its tenant. The first row of
// the answer names its columns.
func (s Scheduled) Limited(ctx context.Context, sql string, l Limits) ([][]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time+s.cfg.DialTimeout, errAskTimeout)
	defer cancel()
	tables, err := s.tenantTables(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.onlyOurTables(ctx, sql, l.Tenant, tables); err != nil {
		return nil, err
	}
	set := settings()
	set.Set("readonly", "1")
	set.Set("additional_table_filters", s.tenantFilters(l.Tenant, tables))
	set.Set("max_execution_time", strconv.FormatFloat(l.Time.Seconds(), 'f', -1, 64))
	set.Set("max_memory_usage", strconv.FormatInt(l.Memory, 10))
	set.Set("max_result_rows", strconv.Itoa(l.Rows))
	set.Set("result_overflow_mode", "throw")
	set.Set("use_query_condition_cache", "0")
	addParams(set, map[string]string{"tenant": l.Tenant})
	answer, err := s.client.text(ctx, request{sql: "SELECT * FROM (\n" + sql + "\n) FORMAT TabSeparatedWithNames", settings: set})
	if err != nil {
		return nil, err
	}
	return tsv(answer)
}

// tenantTables lists the tables and views whose rows have tenants.
func (s Scheduled) tenantTables(ctx context.Context) ([]string, error) {
	text, err := s.ask(ctx, "SELECT DISTINCT table FROM system.columns WHERE database = "+quote(s.cfg.Database)+" AND name = 'tenant'", false)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	return strings.Fields(text), nil
}

// tenantFilters is the setting that leaves out other tenants' rows of each of the
// tables.
func (s Scheduled) tenantFilters(tenant string, tables []string) string {
	filters := make([]string, len(tables))
	for i, table := range tables {
		filters[i] = quote(s.cfg.Database+"."+table) + ": " + quote("tenant = "+quote(tenant))
	}
	return "{" + strings.Join(filters, ", ") + "}"
}

// errForeign is a statement that reads what is not the tenant's to read.
var errForeign = errors.New("a statement reads the tables and views of this database that have tenants, and calls nothing that reads elsewhere")

// foreignFunctions read something beside the tables of the statement.
var foreignFunctions = []string{"file", "dictget", "dicthas", "joinget", "getsetting", "getserversetting", "catboostevaluate", "hascolumnintable", "showcertificate", "getmacro", "hostname", "currentuser"}

// settingsWord begins what would lift the limits: the server takes it even of a
// statement that may read only.
var settingsWord = regexp.MustCompile(`(?i)\bsettings\b`)

// onlyOurTables asks the server what the statement would read: nothing but these
// tables.
func (s Scheduled) onlyOurTables(ctx context.Context, sql, tenant string, tables []string) error {
	if settingsWord.MatchString(sql) {
		return fmt.Errorf("%w: the word settings is not for it", errForeign)
	}
	set := settings()
	set.Set("readonly", "1")
	addParams(set, map[string]string{"tenant": tenant})
	tree, err := s.client.text(ctx, request{sql: "EXPLAIN QUERY TREE run_passes = 1, passes = 1 SELECT * FROM (\n" + sql + "\n)", settings: set})
	if err != nil {
		return err
	}
	for line := range strings.Lines(tree) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "TABLE_FUNCTION ") {
			return errForeign
		}
		if _, name, found := strings.Cut(line, "table_name: "); found && strings.HasPrefix(line, "TABLE ") {
			name, _, _ = strings.Cut(name, ",")
			table, ours := strings.CutPrefix(name, s.cfg.Database+".")
			if (!ours || !slices.Contains(tables, table)) && name != "system.one" && name != "system.numbers" {
				return fmt.Errorf("%w: not %s", errForeign, name)
			}
		}
		if _, name, found := strings.Cut(line, "function_name: "); found && strings.HasPrefix(line, "FUNCTION ") {
			name, _, _ = strings.Cut(strings.ToLower(name), ",")
			for _, f := range foreignFunctions {
				if strings.HasPrefix(name, f) {
					return fmt.Errorf("%w: not function %s", errForeign, name)
				}
			}
		}
	}
	return nil
}
