package oracle

import (
	"fmt"
	"strings"
)

// queries are the SQL of a check. All columns have the width that the readers
// of their rows expect.
type queries struct {
	database, tenant string
	columns          []column
}

func (q queries) where() string {
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(q.tenant)
	return " WHERE tenant = '" + quoted + "'"
}

// spans gives the ids and all columns of each row, in no order: sorting a
// million wide rows is more than a small engine has memory for.
func (q queries) spans() string {
	list := []string{"trace_id", "span_id"}
	for i := range q.columns {
		sql := q.columns[i].sql
		if sql == "" {
			sql = q.columns[i].name
		}
		list = append(list, sql)
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + q.database + ".spans" + q.where()
}

func (q queries) origins() string {
	return "SELECT toUInt64(count()), toUInt64(uniqExact(src_log, src_partition, src_offset, src_index)) FROM " +
		q.database + ".spans" + q.where()
}

// traces sums the parts of each trace.
func (q queries) traces() string {
	return "SELECT trace_id, toInt64(sum(spans)), toInt64(sum(errors)), toInt64(sum(llm_calls))," +
		" toInt64(sum(input_tokens)), toInt64(sum(output_tokens))," +
		" toInt64(min(start_unix_nano)), toInt64(max(end_unix_nano))," +
		" toInt64(countIf(has_root)), toString(anyIf(root_name, has_root)) FROM " +
		q.database + ".trace_parts" + q.where() + " GROUP BY trace_id"
}

// counts gives the four numbers of a Count.
func (q queries) counts(prefix string) string {
	return fmt.Sprintf("SELECT toUInt64(count()), toUInt64(countIf(startsWith(trace_id, '%s'))),"+
		" toUInt64(uniqExact(trace_id, span_id)), toUInt64(uniqExact(src_log, src_partition, src_offset, src_index)),"+
		" toUInt64(ifNull((SELECT sum(spans) FROM %s.trace_parts%s), 0)) FROM %s.spans%s",
		prefix, q.database, q.where(), q.database, q.where())
}
