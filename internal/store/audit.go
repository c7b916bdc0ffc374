package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Region is a range of offsets of one partition of a topic, whatever the
// incarnation that rows of it were written under.
type Region struct {
	TopicID   string // hexadecimal
	Partition int32
	pipeline.Range
}

func (r Region) sql() string {
	return fmt.Sprintf("startsWith(src_log, %s) AND src_partition = %d", quote(r.TopicID+"/"), r.Partition)
}

// StoredSpans visits the rows of table spans that come from the region, in the
// order of the log. What it hands over is valid during the visit.
func (s *Store) StoredSpans(ctx context.Context, r Region, visit func(*schema.StoredSpan) error) error {
	sql := fmt.Sprintf("SELECT src_log, src_offset, src_index, trace_id, span_id FROM %s WHERE %s AND src_offset BETWEEN %d AND %d"+
		" ORDER BY src_offset, src_index", TableSpans, r.sql(), r.First, r.Last)
	var row schema.StoredSpan
	err := s.lines(ctx, sql, 5, func(f []string) (err error) {
		if row.Offset, err = strconv.ParseInt(f[1], 10, 64); err != nil {
			return err
		}
		index, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return err
		}
		row.Log, row.Index = f[0], uint32(index)
		unhex(row.Trace[:], f[3])
		unhex(row.Span[:], f[4])
		return visit(&row)
	})
	if err != nil {
		return fmt.Errorf("read rows %d–%d of %s: %w", r.First, r.Last, TableSpans, err)
	}
	return nil
}

// StoredParts visits the rows of table trace_parts whose batch touches the
// region, batch by batch.
func (s *Store) StoredParts(ctx context.Context, r Region, visit func(*schema.StoredPart) error) error {
	sql := fmt.Sprintf("SELECT src_log, src_first_offset, src_offset, hex(tenant), trace_id, spans FROM %s WHERE %s AND src_offset >= %d AND src_first_offset <= %d"+
		" ORDER BY src_offset, src_first_offset, trace_id, tenant", TableTraceParts, r.sql(), r.First, r.Last)
	var row schema.StoredPart
	err := s.lines(ctx, sql, 6, func(f []string) (err error) {
		if row.First, err = strconv.ParseInt(f[1], 10, 64); err != nil {
			return err
		}
		if row.Last, err = strconv.ParseInt(f[2], 10, 64); err != nil {
			return err
		}
		tenant, err := hex.DecodeString(f[3])
		if err != nil {
			return err
		}
		row.Log, row.Tenant = f[0], string(tenant)
		unhex(row.Trace[:], f[4])
		row.Spans, err = strconv.ParseUint(f[5], 10, 64)
		if err != nil {
			return err
		}
		return visit(&row)
	})
	if err != nil {
		return fmt.Errorf("read rows %d–%d of %s: %w", r.First, r.Last, TableTraceParts, err)
	}
	return nil
}

// StoredEvents visits the rows of the table of a kind of event that come from
// the region, in the order of the log. What it hands over is valid during the
// visit.
func (s *Store) StoredEvents(ctx context.Context, kind schema.EventKind, r Region, visit func(*schema.StoredEvent) error) error {
	sql := fmt.Sprintf("SELECT src_log, src_offset, src_index, hex(tenant), hex(trace_id) FROM %s WHERE %s AND src_offset BETWEEN %d AND %d"+
		" ORDER BY src_offset, src_index", eventTable(kind), r.sql(), r.First, r.Last)
	var row schema.StoredEvent
	err := s.lines(ctx, sql, 5, func(f []string) (err error) {
		if row.Offset, err = strconv.ParseInt(f[1], 10, 64); err != nil {
			return err
		}
		index, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return err
		}
		tenant, err := hex.DecodeString(f[3])
		if err != nil {
			return err
		}
		trace, err := hex.DecodeString(f[4])
		if err != nil {
			return err
		}
		row.Log, row.Index, row.Tenant, row.TraceID = f[0], uint32(index), string(tenant), string(trace)
		return visit(&row)
	})
	if err != nil {
		return fmt.Errorf("read rows %d–%d of %s: %w", r.First, r.Last, eventTable(kind), err)
	}
	return nil
}

// Batches lists the ranges of the batches that landed in the region, as
// trace_parts tells them, in order and at most n.
func (s *Store) Batches(ctx context.Context, r Region, n int) ([]pipeline.Range, error) {
	sql := fmt.Sprintf("SELECT DISTINCT src_first_offset, src_offset FROM %s WHERE %s AND src_offset >= %d AND src_first_offset <= %d"+
		" ORDER BY src_offset, src_first_offset LIMIT %d", TableTraceParts, r.sql(), r.First, r.Last, n)
	var out []pipeline.Range
	err := s.lines(ctx, sql, 2, func(f []string) (err error) {
		var b pipeline.Range
		if b.First, err = strconv.ParseInt(f[0], 10, 64); err != nil {
			return err
		}
		b.Last, err = strconv.ParseInt(f[1], 10, 64)
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list batches of %d–%d: %w", r.First, r.Last, err)
	}
	return out, nil
}

// LeastRetention is, for each tenant with rows, how many days those are kept
// whose retention is shortest.
func (s *Store) LeastRetention(ctx context.Context) (map[string]uint16, error) {
	out := make(map[string]uint16)
	var tables []string
	for _, table := range rowTables() {
		if table != TableTraceDeletions {
			tables = append(tables, "SELECT tenant, min(retention_days) AS days FROM "+table+" GROUP BY tenant")
		}
	}
	err := s.lines(ctx, "SELECT hex(tenant), min(days) FROM ("+strings.Join(tables, " UNION ALL ")+") GROUP BY tenant", 2, func(f []string) error {
		tenant, err := hex.DecodeString(f[0])
		if err != nil {
			return err
		}
		days, err := strconv.ParseUint(f[1], 10, 16)
		out[string(tenant)] = uint16(days)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read retention: %w", err)
	}
	return out, nil
}

// unhex leaves an id zero that is none: nobody's.
func unhex(dst []byte, text string) {
	clear(dst)
	if len(text) == hex.EncodedLen(len(dst)) {
		_, _ = hex.Decode(dst, []byte(text)) // as far as it goes
	}
}

// lines streams the rows of an answer, each of n columns that need no escaping.
func (s *Store) lines(ctx context.Context, sql string, n int, visit func(fields []string) error) error {
	w := &lineWriter{visit: func(line string) error {
		fields := strings.Split(line, "\t")
		if len(fields) != n {
			return fmt.Errorf("got %d columns, want %d", len(fields), n)
		}
		return visit(fields)
	}}
	if err := s.Query(ctx, sql, "TSVRaw", w); err != nil {
		return err
	}
	if len(w.rest) > 0 {
		return fmt.Errorf("answer ends in the middle of a line: %q", w.rest)
	}
	return nil
}

// lineWriter hands on what is written to it line by line.
type lineWriter struct {
	visit func(line string) error
	rest  []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		line := string(w.rest[:i])
		w.rest = w.rest[i+1:]
		if err := w.visit(line); err != nil {
			return 0, err
		}
	}
}
