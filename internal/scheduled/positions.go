package scheduled

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sources are the tables that runs follow.
var sources = []string{"trace_parts", "trace_info", "trace_deletions", "assessments", "business_events"}

// positions say how far a table was read: the last offset of each log and
// partition, by "log/partition".
type positions map[string]map[string]int64

func parsePositions(text string) (positions, error) {
	p := positions{}
	if text == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("read the positions of the last run: %w", err)
	}
	return p, nil
}

func (p positions) text() string {
	out, _ := json.Marshal(p) //nolint:errchkjson // maps of numbers always encode
	return string(out)
}

// clone gives a copy that can be moved on.
func (p positions) clone() positions {
	out := positions{}
	for table, at := range p {
		out[table] = maps.Clone(at)
	}
	return out
}

// set moves a table's position on.
func (p positions) set(table, log string, partition, offset int64) {
	if p[table] == nil {
		p[table] = make(map[string]int64)
	}
	key := log + "/" + strconv.FormatInt(partition, 10)
	p[table][key] = max(p[table][key], offset)
}

// newer is the condition that a table's rows lie behind the positions, and not
// behind the heads. Each log and partition is a clause of its own, so that the
// index on offsets leaves out what was read.
func (p positions) newer(table string, heads positions) string {
	var clauses []string
	for _, key := range slices.Sorted(maps.Keys(heads[table])) {
		log, partition := logOf(key)
		clause := "src_log = " + log + " AND src_partition = " + partition
		after, read := p[table][key]
		if read {
			clause += " AND src_offset > " + strconv.FormatInt(after, 10)
		}
		clause += " AND src_offset <= " + strconv.FormatInt(heads[table][key], 10)
		if !read || heads[table][key] > after {
			clauses = append(clauses, "("+clause+")")
		}
	}
	if len(clauses) == 0 {
		return "false"
	}
	return "(" + strings.Join(clauses, " OR ") + ")"
}

// behind gives the conditions of the rows of a table behind the positions: those of
// logs and partitions that are known, and those of strangers, for which another
// condition holds. They are asked one by one: no index has the strangers.
func (p positions) behind(table, strangers string) []string {
	var clauses, known []string
	for _, key := range slices.Sorted(maps.Keys(p[table])) {
		log, partition := logOf(key)
		known = append(known, "("+log+", "+partition+")")
		clauses = append(clauses, "(src_log = "+log+" AND src_partition = "+partition+" AND src_offset > "+strconv.FormatInt(p[table][key], 10)+")")
	}
	if len(known) == 0 {
		return []string{"true"}
	}
	return []string{"(" + strings.Join(clauses, " OR ") + ")", "(src_log, src_partition) NOT IN (" + strings.Join(known, ", ") + ") AND " + strangers}
}

// logOf gives the log and the partition of a key, as SQL.
func logOf(key string) (log, partition string) {
	cut := strings.LastIndexByte(key, '/')
	return quote(key[:cut]), key[cut+1:]
}

// quote makes a SQL string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
