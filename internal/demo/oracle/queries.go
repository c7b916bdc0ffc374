package oracle

import "strings"

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

// Settings that keep a query within a small engine which may be merging at the
// same time: narrow blocks and buffers for a hundred column streams, and counts
// that go to disk before they fill the memory.
const (
	streaming = " SETTINGS max_threads = 1, max_block_size = 1024, max_read_buffer_size = 65536"
	counting  = " SETTINGS max_threads = 1, max_bytes_before_external_group_by = 268435456"
)

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
	return "SELECT " + strings.Join(list, ", ") + " FROM " + q.database + ".spans" + q.where() + streaming
}

// origins counts the rows and their different origins. Unlike uniqExact a GROUP
// BY may go to disk.
func (q queries) origins() string {
	return "SELECT toUInt64(sum(n)), toUInt64(count()) FROM (SELECT count() AS n FROM " + q.database + ".spans" + q.where() +
		" GROUP BY src_log, src_partition, src_offset, src_index)" + counting
}

// traces sums the parts of each trace.
func (q queries) traces() string {
	return "SELECT trace_id, toInt64(sum(spans)), toInt64(sum(errors)), toInt64(sum(llm_calls))," +
		" toInt64(sum(input_tokens)), toInt64(sum(output_tokens))," +
		" toInt64(min(start_unix_nano)), toInt64(max(end_unix_nano))," +
		" toInt64(countIf(has_root)), toString(anyIf(root_name, has_root)) FROM " +
		q.database + ".trace_parts" + q.where() + " GROUP BY trace_id" + counting
}

// counts gives the two numbers of a Count.
func (q queries) counts() string {
	return "SELECT toUInt64(count())," +
		" toUInt64(ifNull((SELECT sum(spans) FROM " + q.database + ".trace_parts" + q.where() + "), 0))" +
		" FROM " + q.database + ".spans" + q.where()
}
