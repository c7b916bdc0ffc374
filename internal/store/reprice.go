package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/pricing"
)

// Repricing gives the spans of whole days the cost that the books say now. Each
// day goes by steps, whose ends are noted in table reprice_days, so that one
// that was cut off is finished by the next run:
//
//  1. computed: what changes stands in reprice_spans;
//  2. metrics: what was streamed is corrected by new minus old;
//  3. spans: a mutation that depends on each span's own columns only, so that it
//     may be repeated and every replica does the same;
//  4. done: trace_parts has a row for each trace that changed, with nothing but
//     the difference: its parts are sums, and readers add them up.
type Repricing struct {
	Books *pricing.Books
	// Tenant is whose spans; "": everybody's.
	Tenant string
	// DryRun only reports.
	DryRun bool
	// Metrics are corrected too; nil: nobody streams any.
	Metrics Metrics
	store   *Store
}

// maxPriceGroups bounds the models of a day that are priced at once.
const maxPriceGroups = 50_000

// mutationPoll is how often a mutation's end is asked for.
const mutationPoll = 200 * time.Millisecond

// RepriceLine is what changes for one tenant's model.
type RepriceLine struct {
	Tenant, Provider, Model string
	Spans                   uint64
	Old, New                string // US dollars
}

// Reprice makes a repricing.
func (s *Store) Reprice(books *pricing.Books, tenant string, dryRun bool) *Repricing {
	return &Repricing{Books: books, Tenant: tenant, DryRun: dryRun, store: s}
}

// repriceDay is one day in the making.
type repriceDay struct {
	*Repricing
	day uint16
	id  string
}

// Day reprices the spans of a day (since 1970) and reports what changes.
func (r *Repricing) Day(ctx context.Context, day uint16) ([]RepriceLine, error) {
	d := &repriceDay{Repricing: r, day: day}
	lines, err := d.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("reprice %s: %w", time.Unix(int64(day)*24*60*60, 0).UTC().Format(time.DateOnly), err)
	}
	return lines, nil
}

func (d *repriceDay) run(ctx context.Context) ([]RepriceLine, error) {
	if d.DryRun {
		t, err := d.tariff(ctx)
		if err != nil {
			return nil, err
		}
		return d.report(ctx, d.changed(t, "tenant, provider, model"))
	}
	step, corrected, statements, err := d.resume(ctx)
	if err != nil {
		return nil, err
	}
	if step < stepComputed {
		if statements, err = d.compute(ctx); err != nil {
			return nil, err
		}
	}
	lines, err := d.report(ctx, "(SELECT * FROM reprice_spans WHERE reprice_id = "+quote(d.id)+")")
	if err != nil {
		return nil, err
	}
	if !corrected && step < stepSpans {
		if err := d.correctMetrics(ctx); err != nil {
			return nil, err
		}
	}
	if step < stepSpans {
		if err := d.mutate(ctx, statements); err != nil {
			return nil, err
		}
	}
	return lines, d.correct(ctx)
}

// Steps, as table reprice_days has them.
const (
	stepBegun = iota + 1
	stepComputed
	stepSpans
	stepDone
	stepMetrics // between computed and spans
)

// resume finds what an earlier run left of the day, or begins it.
func (d *repriceDay) resume(ctx context.Context) (step int, corrected bool, statements []string, err error) {
	text, err := d.store.search(ctx, fmt.Sprintf("SELECT reprice_id, tenant, maxIf(toInt8(step), step != 'metrics') AS s, countIf(step = 'metrics') > 0, arrayFlatten(groupArray(statements))"+
		" FROM reprice_days WHERE part_day = toDate(%d) GROUP BY reprice_id, tenant HAVING s < %d ORDER BY min(at) LIMIT 1 FORMAT JSONCompactEachRow", d.day, stepDone))
	if err != nil {
		return 0, false, nil, err
	}
	if text == "" {
		d.id = strings.ToLower(rand.Text())
		return stepBegun, false, nil, d.note(ctx, stepBegun, nil)
	}
	var (
		tenant string
		times  int
	)
	if err := decodeRow(text, &d.id, &tenant, &step, &times, &statements); err != nil {
		return 0, false, nil, err
	}
	if step < stepComputed && tenant != d.Tenant {
		return 0, false, nil, fmt.Errorf("a repricing for tenant %q was cut off before it computed anything: run that again first", tenant)
	}
	return step, times > 0, statements, nil
}

// note remembers that a step is finished.
func (d *repriceDay) note(ctx context.Context, step int, statements []string) error {
	return d.exec(ctx, fmt.Sprintf("INSERT INTO reprice_days (reprice_id, part_day, tenant, step, statements) VALUES (%s, toDate(%d), %s, %d, [%s])",
		quote(d.id), d.day, quote(d.Tenant), step, strings.Join(quoteAll(statements), ", ")))
}

// exec runs a statement that may take as long as it takes.
func (d *repriceDay) exec(ctx context.Context, sql string) error {
	s := settings()
	s.Set("async_insert", "0")
	s.Set("max_query_size", strconv.Itoa(maxStatementBytes))
	s.Set("max_ast_elements", "10000000")
	s.Set("max_expanded_ast_elements", "10000000")
	return d.store.client.exec(ctx, request{sql: sql, settings: s})
}

// maxStatementBytes bounds a statement with the rates of a day's models.
const maxStatementBytes = 64 << 20

// tariff finds the prices of what the day has.
func (d *repriceDay) tariff(ctx context.Context) (*tariff, error) {
	changes := d.Books.Changes()
	text, err := d.store.search(ctx, fmt.Sprintf("SELECT DISTINCT %s AS g FROM spans WHERE %s ORDER BY g LIMIT %d FORMAT JSONCompactEachRow",
		groupSQL(changes), d.where(), maxPriceGroups+1)+" SETTINGS output_format_json_quote_64bit_integers = 0")
	if err != nil {
		return nil, err
	}
	var groups []priceGroup
	for line := range strings.Lines(text) {
		var fields [5]json.RawMessage
		if err := decodeRow(line, &fields); err != nil {
			return nil, err
		}
		g, err := groupOf(fields)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	if len(groups) > maxPriceGroups {
		return nil, fmt.Errorf("it has more than %d models: name a tenant", maxPriceGroups)
	}
	return newTariff(d.Books, groups, changes), nil
}

// where are the spans that the books may price.
func (d *repriceDay) where() string {
	where := fmt.Sprintf("part_day = toDate(%d) AND usage_billable", d.day)
	if d.Tenant != "" {
		where += " AND tenant = " + quote(d.Tenant)
	}
	return where
}

// changed selects columns of the spans that t changes, and their cost before and
// after.
func (d *repriceDay) changed(t *tariff, columns string) string {
	cost, source, book := t.chosen("by_books", "its_book")
	return fmt.Sprintf("(SELECT %[1]s, cost AS old_cost, cost_source != 'none' AS old_priced, %[2]s AS new_cost, %[7]s != 'none' AS new_priced, cost_input AS old_input, its_input AS new_input"+
		" FROM (SELECT *, %[3]s AS by_books, %[4]s AS its_book, %[5]s AS its_input FROM spans WHERE %[6]s)"+
		" WHERE cost != %[2]s OR cost_source != %[7]s OR NOT (cost_computed <=> by_books) OR cost_input != its_input OR price_version != %[8]s)",
		columns, cost, t.computed(), t.versionOf(), t.computedInput(), d.where(), source, book)
}

// compute is step 1.
func (d *repriceDay) compute(ctx context.Context) ([]string, error) {
	t, err := d.tariff(ctx)
	if err != nil {
		return nil, err
	}
	// What an earlier try left behind.
	if err := d.exec(ctx, "ALTER TABLE reprice_spans DROP PARTITION "+quote(d.id)); err != nil {
		return nil, err
	}
	const columns = "tenant, experiment_id, service_name, is_eval, weight, trace_id, span_id, provider, model, start_time, end_time, start_unix_nano, end_unix_nano, received_at, part_day, retention_days"
	err = d.exec(ctx, fmt.Sprintf("INSERT INTO reprice_spans (reprice_id, %[1]s, old_cost, old_priced, new_cost, new_priced, old_input, new_input) SELECT %[2]s, * FROM %[3]s",
		columns, quote(d.id), d.changed(t, columns)))
	if err != nil {
		return nil, fmt.Errorf("compute: %w", err)
	}
	// The second one reads what the first has written.
	cost, source, book := t.chosen("cost_computed", "price_version")
	statements := []string{
		fmt.Sprintf("ALTER TABLE spans UPDATE cost_computed = %s, cost_input = %s, price_version = %s WHERE %s", t.computed(), t.computedInput(), t.versionOf(), d.where()),
		fmt.Sprintf("ALTER TABLE spans UPDATE cost = %s, cost_source = %s, price_version = %s WHERE %s", cost, source, book, d.where()),
	}
	return statements, d.note(ctx, stepComputed, statements)
}

// mutate is step 3. A statement that has run changes nothing when it runs again.
func (d *repriceDay) mutate(ctx context.Context, statements []string) error {
	for _, sql := range statements {
		if err := d.exec(ctx, sql); err != nil {
			return fmt.Errorf("change spans: %w", err)
		}
	}
	if err := d.settled(ctx); err != nil {
		return fmt.Errorf("change spans: %w", err)
	}
	return d.note(ctx, stepSpans, nil)
}

// settled waits until no repricing of spans is open any more.
func (d *repriceDay) settled(ctx context.Context) error {
	poll := time.NewTicker(mutationPoll)
	defer poll.Stop()
	for {
		text, err := d.store.ask(ctx, fmt.Sprintf("SELECT count(), max(latest_fail_reason) FROM system.mutations"+
			" WHERE database = %s AND table = 'spans' AND NOT is_done AND position(command, 'UPDATE cost') > 0", quote(d.store.cfg.Database)), false)
		if err != nil {
			return err
		}
		open, reason, _ := strings.Cut(text, "\t")
		if open == "0" {
			return nil
		}
		if reason != "" {
			return errors.New(reason)
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// correct is step 4: the difference of each trace, once.
func (d *repriceDay) correct(ctx context.Context) error {
	log := quote("reprice/" + d.id)
	err := d.exec(ctx, fmt.Sprintf("INSERT INTO trace_parts (tenant, experiment_id, service_name, trace_id, start_time, end_time, start_unix_nano, end_unix_nano,"+
		" cost, cost_input, tells, received_at, part_day, retention_days, src_log, src_partition, src_first_offset, src_offset)"+
		" SELECT tenant, any(experiment_id), any(service_name), trace_id, min(start_time), max(end_time), min(start_unix_nano), max(end_unix_nano),"+
		" sum(new_cost - old_cost) AS difference, sum(new_input - old_input) AS of_input, 0, max(received_at), part_day, max(retention_days), %[1]s, -1, 0, 0"+
		" FROM reprice_spans WHERE reprice_id = %[2]s"+
		" AND (tenant, trace_id) NOT IN (SELECT tenant, trace_id FROM trace_parts WHERE part_day = toDate(%[3]d) AND src_log = %[1]s)"+
		" GROUP BY part_day, tenant, trace_id HAVING difference != 0 OR of_input != 0", log, quote(d.id), d.day))
	if err != nil {
		return fmt.Errorf("correct trace_parts: %w", err)
	}
	if err := d.note(ctx, stepDone, nil); err != nil {
		return err
	}
	return d.exec(ctx, "ALTER TABLE reprice_spans DROP PARTITION "+quote(d.id))
}

// report sums up what changes in from, by tenant and model.
func (d *repriceDay) report(ctx context.Context, from string) ([]RepriceLine, error) {
	text, err := d.store.search(ctx, "SELECT tenant, provider, model, count(), toString(sum(old_cost)), toString(sum(new_cost)) FROM "+from+
		" GROUP BY tenant, provider, model ORDER BY tenant, provider, model FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers = 0")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var lines []RepriceLine
	for row := range strings.Lines(text) {
		var l RepriceLine
		if err := decodeRow(row, &l.Tenant, &l.Provider, &l.Model, &l.Spans, &l.Old, &l.New); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// decodeRow reads a row of JSONCompactEachRow.
func decodeRow(text string, into ...any) error {
	var fields []json.RawMessage
	if err := json.Unmarshal([]byte(text), &fields); err != nil || len(fields) != len(into) {
		return fmt.Errorf("read row %q: want %d fields: %w", text, len(into), err)
	}
	for i, field := range fields {
		if err := json.Unmarshal(field, into[i]); err != nil { //nolint:gosec // as many as fields, which was checked
			return fmt.Errorf("read row %q: %w", text, err)
		}
	}
	return nil
}

// groupOf reads a group that groupSQL made.
func groupOf(fields [5]json.RawMessage) (g priceGroup, err error) {
	for i, into := range []any{&g.tenant, &g.provider, &g.model, &g.tier, &g.epoch} {
		if err := json.Unmarshal(fields[i], into); err != nil {
			return g, fmt.Errorf("read a group of spans: %w", err)
		}
	}
	return g, nil
}
