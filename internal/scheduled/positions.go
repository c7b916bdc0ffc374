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
// partition, by "log/partition"; and how far it had been at the last sweep.
type positions map[string]map[string]int64

// swept is under which name positions keep where a table was read to by the last
// run that looked at all days.
func swept(table string) string { return table + ", all days" }

// onAllDays has positions know of sweeps: those that do not were written when every
// run looked at all days.
func (p positions) onAllDays() {
	for _, table := range sources {
		if _, known := p[swept(table)]; !known {
			p.sweep(table)
		}
	}
}

// sweep notes that all days of a table were read.
func (p positions) sweep(table string) {
	p[swept(table)] = maps.Clone(p[table])
}

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

// newer is the condition that a table's rows lie behind positions that are kept
// under a name, and not behind the heads. Each log and partition is a clause of its
// own, so that the index on offsets leaves out what was read.
func (p positions) newer(name string, heads map[string]int64) string {
	var clauses []string
	for _, key := range slices.Sorted(maps.Keys(heads)) {
		log, partition := logOf(key)
		clause := "src_log = " + log + " AND src_partition = " + partition
		after, read := p[name][key]
		if read {
			clause += " AND src_offset > " + strconv.FormatInt(after, 10)
		}
		clause += " AND src_offset <= " + strconv.FormatInt(heads[key], 10)
		if !read || heads[key] > after {
			clauses = append(clauses, "("+clause+")")
		}
	}
	if len(clauses) == 0 {
		return "false"
	}
	return "(" + strings.Join(clauses, " OR ") + ")"
}

// behind gives the conditions of the rows of a table behind positions that are kept
// under a name: those of logs and partitions that are known, and those of strangers.
// They are asked one by one: no index has the strangers.
func (p positions) behind(name string) []string {
	var clauses, known []string
	for _, key := range slices.Sorted(maps.Keys(p[name])) {
		log, partition := logOf(key)
		known = append(known, "("+log+", "+partition+")")
		clauses = append(clauses, "(src_log = "+log+" AND src_partition = "+partition+" AND src_offset > "+strconv.FormatInt(p[name][key], 10)+")")
	}
	if len(known) == 0 {
		return []string{"true"}
	}
	return []string{"(" + strings.Join(clauses, " OR ") + ")", "(src_log, src_partition) NOT IN (" + strings.Join(known, ", ") + ")"}
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
