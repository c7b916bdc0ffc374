package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Life is one span of a record: which, and its place in it.
type Life struct {
	TraceID schema.TraceID
	SpanID  schema.SpanID
	Index   uint32
}

// LivesQuery asks for rows of spans that first were in the record at Origin.
type LivesQuery struct {
	Tenant string
	Origin schema.Origin
	Spans  []Life
	// Rows of this log, of the origin's partition, from Before on do not count.
	Log    string
	Before int64
}

// livesAtOnce bounds the text of one question, and of its answer.
const livesAtOnce = 1000

// Lives tells which of the spans have rows that count: of their first life, or
// of one that came of re-driving them. Ids are compared too, since in an
// earlier life of the topic the same origin was another span's.
func (s *Store) Lives(ctx context.Context, q LivesQuery) ([]Life, error) {
	var out []Life
	for chunk := range slices.Chunk(q.Spans, livesAtOnce) {
		text, err := s.search(ctx, livesSQL(q, chunk))
		if err == nil {
			var found []Life
			if found, err = parseLives(text); err == nil {
				out = append(out, found...)
				continue
			}
		}
		s.metrics.failed(TableSpans, err)
		return nil, fmt.Errorf("ask %s for re-driven spans: %w", TableSpans, err)
	}
	return out, nil
}

// livesSQL finds rows by the index of trace ids. A row's first place is its
// origin, and without one where it came from.
func livesSQL(q LivesQuery, spans []Life) string {
	traces, ids := make([]string, len(spans)), make([]string, len(spans))
	for i, l := range spans {
		traces[i], ids[i] = quote(l.TraceID.String()), quote(l.SpanID.String())
	}
	slices.Sort(traces)
	o := q.Origin
	return fmt.Sprintf("SELECT DISTINCT trace_id, span_id, if(origin = '', src_index, toUInt32(splitByChar('/', origin)[4]))"+
		" FROM %s WHERE tenant = %s AND trace_id IN (%s) AND span_id IN (%s)"+
		" AND (origin = '' AND src_partition = %d AND src_offset = %d OR startsWith(origin, %s))"+
		" AND NOT (src_log = %s AND src_partition = %d AND src_offset >= %d)",
		TableSpans, quote(q.Tenant), strings.Join(slices.Compact(traces), ", "), strings.Join(ids, ", "),
		o.Partition, o.Offset, quote(fmt.Sprintf("%s/%d/%d/", o.Topic, o.Partition, o.Offset)),
		quote(q.Log), o.Partition, q.Before)
}

func parseLives(text string) ([]Life, error) {
	var out []Life
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("read spans: %q", line)
		}
		var l Life
		_, err1 := hex.Decode(l.TraceID[:], []byte(f[0]))
		_, err2 := hex.Decode(l.SpanID[:], []byte(f[1]))
		index, err3 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("read spans: %q", line)
		}
		l.Index = uint32(index)
		out = append(out, l)
	}
	return out, nil
}
