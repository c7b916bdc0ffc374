package recount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Tables answers SQL over a database of ours.
type Tables interface {
	Query(ctx context.Context, sql string) (string, error)
}

// ReadStream adds up what table rollups has of the default tenant's production
// spans, and reports how many rows it is made of.
func ReadStream(ctx context.Context, at Tables) (Stream, error) {
	out := make(Stream)
	for _, v := range rollup.Views {
		err := rows(ctx, at, `SELECT mapValues(labels) AS labels, toUnixTimestamp(pane) AS pane, metric, sum(r.count) AS n, sum(r.sum) AS total,
    sum(r.weight) AS weight, sum(r.estimated) AS estimated, min(r.min) AS least, max(r.max) AS most,
    sumMap(r.buckets) AS b, maxMap(r.registers) AS d,
    mapKeys(b) AS buckets, mapValues(b) AS counts, mapKeys(d) AS registers, mapValues(d) AS ranks
FROM rollups AS r WHERE tenant = 'default' AND NOT is_eval AND view = '`+v.Name+`' GROUP BY ALL`, func(r *streamed) {
			out.Add(keyOf(v.Name, r.Labels, r.Pane, r.Metric), r.partial())
		})
		if err != nil {
			return nil, fmt.Errorf("view %s: %w", v.Name, err)
		}
	}
	return out, nil
}

// streamed is a row of ReadStream.
type streamed struct {
	Labels    []string
	Pane      int64
	Metric    string
	N         int64
	Total     int64
	Weight    int64
	Estimated int64
	Least     int64
	Most      int64
	Buckets   []int16
	Counts    []uint64
	Registers []uint16
	Ranks     []uint16
}

func (r *streamed) partial() *rollup.Partial {
	p := &rollup.Partial{Count: r.N, Sum: r.Total, Weight: r.Weight, Estimated: r.Estimated}
	if r.Least <= r.Most {
		p.Min, p.Max, p.Bounded = r.Least, r.Most, true
	}
	for i, index := range r.Buckets {
		p.Hist.Merge(rollup.Histogram{{Index: index, Count: r.Counts[i]}})
	}
	for i, index := range r.Registers {
		p.Distinct.Add(rollup.Register{Index: index, Rank: uint8(r.Ranks[i])})
	}
	return p
}

// BySQL counts the rows of table spans, by every view's series and pane.
func BySQL(ctx context.Context, at Tables) (map[Key]Counted, error) {
	out := make(map[Key]Counted)
	for _, s := range statements() {
		err := rows(ctx, at, s.sql, func(r *recounted) {
			if r.N == 0 && r.Total == 0 {
				return
			}
			k := keyOf(s.view, r.Labels, r.Pane, r.Metric)
			c := out[k]
			out[k] = Counted{c.N + r.N, c.Sum + r.Total}
		})
		if err != nil {
			return nil, fmt.Errorf("view %s: %w", s.view, err)
		}
	}
	return out, nil
}

// recounted is a row of a statement.
type recounted struct {
	Labels []string
	Pane   int64
	Metric string
	N      int64
	Total  int64
}

// rows shows each row of an answer.
func rows[T any](ctx context.Context, at Tables, sql string, visit func(*T)) error {
	answer, err := at.Query(ctx, sql+" FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_named_tuples_as_objects = 0")
	if err != nil {
		return err
	}
	in := json.NewDecoder(bytes.NewReader([]byte(answer)))
	for {
		row := new(T)
		if err := in.Decode(row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%w in %s", err, strings.TrimSpace(sql))
		}
		visit(row)
	}
}
