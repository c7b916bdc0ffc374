package store

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Scheduled runs the statements of the schedule.
type Scheduled struct{ *Store }

// scheduledMemory is what the server may use for one of its statements.
const scheduledMemory = 1 << 30

func (s Scheduled) request(sql string, params map[string]string) request {
	set := settings()
	set.Set("max_memory_usage", strconv.Itoa(scheduledMemory))
	set.Set("max_bytes_before_external_group_by", strconv.Itoa(scheduledMemory/2))
	set.Set("max_threads", "2")
	set.Set("async_insert", "0")
	// A key has one day: with these, FINAL reads only the days and instants that are asked for.
	set.Set("do_not_merge_across_partitions_select_final", "1")
	set.Set("optimize_move_to_prewhere_if_final", "1")
	set.Set("use_query_condition_cache", "0") // it takes the sets of two IN (SELECT …) for the same
	for _, name := range []string{"compile_expressions", "compile_aggregate_expressions", "compile_sort_description"} {
		set.Set(name, "0") // the statements differ from call to call: compiling one costs more than running it
	}
	addParams(set, params)
	return request{sql: sql, settings: set}
}

func addParams(set url.Values, params map[string]string) {
	for name, value := range params {
		set.Set("param_"+name, escapeParam(value))
	}
}

// Exec runs a statement for its effect.
func (s Scheduled) Exec(ctx context.Context, sql string, params map[string]string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.InsertTimeout, errAskTimeout)
	defer cancel()
	return s.client.exec(ctx, s.request(sql, params))
}

// Answer gives the rows of a small answer, as texts.
func (s Scheduled) Answer(ctx context.Context, sql string, params map[string]string) ([][]string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.InsertTimeout, errAskTimeout)
	defer cancel()
	answer, err := s.client.text(ctx, s.request(sql+" FORMAT TabSeparated", params))
	if err != nil || answer == "" {
		return nil, err
	}
	return tsv(answer)
}

// tsv reads an answer's rows.
func tsv(answer string) (out [][]string, err error) {
	for line := range strings.Lines(answer) {
		row := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i := range row {
			if row[i], err = unescape(row[i]); err != nil {
				return nil, err
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// unescape reads a field of TSV.
func unescape(field string) (string, error) {
	if !strings.Contains(field, `\`) {
		return field, nil
	}
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		if field[i] != '\\' {
			b.WriteByte(field[i])
			continue
		}
		if i++; i == len(field) {
			return "", fmt.Errorf("read a field: %q ends early", field)
		}
		at := strings.IndexByte(`\tnr0bf'`, field[i])
		if at < 0 {
			return "", fmt.Errorf("read a field: %q has an escape that is not known", field)
		}
		b.WriteByte("\\\t\n\r\x00\b\f'"[at])
	}
	return b.String(), nil
}
