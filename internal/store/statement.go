package store

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// settings are those of every request.
func settings() url.Values {
	return url.Values{
		// An error after the first row is appended to the answer, not hidden.
		"http_write_exception_in_output_format": {"0"},
	}
}

// insertSettings make the server take a block as it is: now, as one, on one
// thread. async_insert is on by default since 26.1 and would answer before
// anything is stored or tokens are looked at.
func insertSettings(b Block) url.Values {
	rows := strconv.Itoa(b.Rows() + 1)
	s := settings()
	s.Set("async_insert", "0")
	s.Set("max_threads", "1")
	s.Set("max_insert_threads", "1")
	s.Set("max_block_size", rows)
	s.Set("max_insert_block_size", rows)
	s.Set("min_insert_block_size_rows", "0")
	s.Set("min_insert_block_size_bytes", "0")
	s.Set("max_partitions_per_insert_block", maxDays)
	return s
}

// maxDays is how many days a block may have; batches are cut well below.
const maxDays = "100"

// insertSQL stores those rows of a block for which the condition holds; "": all,
// for which nothing has to be planned. Planning 130 columns costs the server a
// quarter of what a block of 1,000 rows does (docs/adr/011). The structure's
// columns are those of the table's list, in its order.
func insertSQL(table string, b Block, condition string) string {
	sql := fmt.Sprintf("INSERT INTO %s (%s)", table, b.names())
	if condition != "" {
		sql += fmt.Sprintf(" SELECT * FROM input(%s) WHERE %s", quote(b.structure()), condition)
	}
	return sql + " FORMAT Native"
}

func skipSQL(days []uint16) string {
	if len(days) == 0 {
		return ""
	}
	return "part_day NOT IN (" + dayList(days) + ")"
}

// dayList lists days as dates.
func dayList(days []uint16) string {
	var b strings.Builder
	for i, d := range days {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "toDate(%d)", d)
	}
	return b.String()
}

// quote makes a SQL string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteAll(texts []string) []string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = quote(text)
	}
	return quoted
}
