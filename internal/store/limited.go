package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	if err := s.onlyOurTables(ctx, sql, l.Tenant); err != nil {
		return nil, err
	}
	filters, err := s.tenantFilters(ctx, l.Tenant)
	if err != nil {
		return nil, err
	}
	set := settings()
	set.Set("readonly", "1")
	set.Set("additional_table_filters", filters)
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

// tenantFilters is the setting that leaves out other tenants' rows of each table
// and view.
func (s Scheduled) tenantFilters(ctx context.Context, tenant string) (string, error) {
	text, err := s.ask(ctx, "SELECT DISTINCT table FROM system.columns WHERE database = "+quote(s.cfg.Database)+" AND name = 'tenant'", false)
	if err != nil {
		return "", fmt.Errorf("list the tables: %w", err)
	}
	var filters []string
	for table := range strings.FieldsSeq(text) {
		filters = append(filters, quote(s.cfg.Database+"."+table)+": "+quote("tenant = "+quote(tenant)))
	}
	return "{" + strings.Join(filters, ", ") + "}", nil
}

// errForeign is a statement that reads what is not the tenant's to read.
var errForeign = errors.New("a statement reads the tables and views of this database that have tenants, and calls nothing that reads elsewhere")

// foreignFunctions read something beside the tables of the statement.
var foreignFunctions = []string{"file", "dictget", "dicthas", "joinget", "getsetting", "getserversetting", "catboostevaluate", "hascolumnintable", "showcertificate", "getmacro", "hostname", "currentuser"}

// settingsWord begins what would lift the limits: the server takes it even of a
// statement that may read only.
var settingsWord = regexp.MustCompile(`(?i)\bsettings\b`)

// onlyOurTables asks the server what the statement would read.
func (s Scheduled) onlyOurTables(ctx context.Context, sql, tenant string) error {
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
	known, err := s.ask(ctx, "SELECT DISTINCT table FROM system.columns WHERE database = "+quote(s.cfg.Database)+" AND name = 'tenant'", false)
	if err != nil {
		return fmt.Errorf("list the tables: %w", err)
	}
	ours := make(map[string]bool)
	for table := range strings.FieldsSeq(known) {
		ours[s.cfg.Database+"."+table] = true
	}
	for line := range strings.Lines(tree) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "TABLE_FUNCTION ") {
			return errForeign
		}
		if _, name, found := strings.Cut(line, "table_name: "); found && strings.HasPrefix(line, "TABLE ") {
			name, _, _ = strings.Cut(name, ",")
			if !ours[name] && name != "system.one" && name != "system.numbers" {
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
