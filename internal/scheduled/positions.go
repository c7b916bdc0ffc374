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

// newer is the condition that a table's rows lie behind the positions, and, if
// there are heads, not behind those; else rows of logs and partitions that are not
// known are among them, for which the condition others holds. Each log and
// partition is a clause of its own, so that the index on offsets leaves out what
// was read.
func (p positions) newer(table string, heads positions, others string) string {
	keys := slices.Sorted(maps.Keys(p[table]))
	if heads != nil {
		keys = slices.Sorted(maps.Keys(heads[table]))
	}
	var clauses, known []string
	for _, key := range keys {
		cut := strings.LastIndexByte(key, '/')
		log, partition := quote(key[:cut]), key[cut+1:]
		known = append(known, "("+log+", "+partition+")")
		after, read := p[table][key]
		clause := "src_log = " + log + " AND src_partition = " + partition
		if read {
			clause += " AND src_offset > " + strconv.FormatInt(after, 10)
		}
		if heads != nil {
			clause += " AND src_offset <= " + strconv.FormatInt(heads[table][key], 10)
		}
		if heads == nil || !read || heads[table][key] > after {
			clauses = append(clauses, "("+clause+")")
		}
	}
	if heads == nil && len(known) > 0 {
		clauses = append(clauses, "(src_log, src_partition) NOT IN ("+strings.Join(known, ", ")+") AND "+others)
	}
	switch {
	case heads == nil && len(known) == 0:
		return "true"
	case len(clauses) == 0:
		return "false"
	}
	return "(" + strings.Join(clauses, " OR ") + ")"
}

// quote makes a SQL string literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
