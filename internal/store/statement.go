package store

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
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

// insertSQL is the statement of W9: the server checks the conditions when it
// has read the block, and a block it has not read entirely it does not check.
// The structure's columns are those of the table's list, in its order; naming
// 130 of them again costs the server a tenth of what a block of 3,000 rows does.
func insertSQL(table string, b Block, conditions ...string) string {
	var where []string
	for _, c := range conditions {
		if c != "" {
			where = append(where, c)
		}
	}
	sql := fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM input(%s)", table, b.names(), quote(b.structure()))
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	return sql + " FORMAT Native"
}

// deadlineSQL fails the statement (code 395) after a moment of the server's
// clock. nowInBlock64 is asked anew for each block; now64 would be the time
// the request arrived.
func deadlineSQL(at time.Time) string {
	return fmt.Sprintf("throwIf(nowInBlock64(3) > fromUnixTimestamp64Milli(%d), 'deadline passed') = 0", at.UnixMilli())
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
