package store

import (
	"context"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// summaries gives what table trace_parts has of those traces whose info can be
// resolved by it: a page of traces that clients told of does not read their
// spans.
func (s *Store) summaries(ctx context.Context, scope spanScope, told map[string]*told) (map[string]*query.Summary, error) {
	var ids []string
	for _, id := range scope.ids {
		if t := told[id]; t != nil && t.said {
			ids = append(ids, id)
		}
	}
	found := make(map[string]*query.Summary, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	q := &question{}
	tenant := q.text(scope.tenant)
	q.add("SELECT trace_id, experiment_id, has_root, root_status, start_unix_nano, end_unix_nano, spans, tells, cost, cost_input, resources FROM trace_parts AS t ",
		joinDeleted(tenant), " WHERE tenant = ", tenant, " AND trace_id IN ", q.texts(ids), " AND ", notDeleted)
	scope.times.condition(q)
	q.add(" ORDER BY trace_id, src_partition, src_offset LIMIT ", q.unsigned(maxSpanRows+1))
	n := 0
	err := s.read(ctx, "trace parts", q, func(r *rows) {
		id := r.text()
		if found[id] == nil {
			found[id] = &query.Summary{}
		}
		readSummary(r, found[id], id)
		n++
	})
	if err == nil && n > maxSpanRows {
		err = errTooMuch
	}
	for id, sum := range found {
		info := told[id].info
		if info.Finalized = true; !sum.Suffices(&info) {
			delete(found, id)
		}
	}
	return found, err
}

// notRoot is the parent of spans that stand for others.
const notRoot = "-"

// readSummary adds one row of trace_parts to a trace's.
func readSummary(r *rows, sum *query.Summary, id string) {
	part := query.Span{TraceID: id, ExperimentID: r.text(), ParentSpanID: notRoot}
	if r.boolean() {
		part.ParentSpanID = ""
	}
	part.StatusCode = int(r.uint8())
	part.StartUnixNano, part.EndUnixNano = r.uint64(), r.uint64()
	sum.Spans += int(r.uint32())
	tells := schema.Tells(r.uint8())
	sum.Tells |= tells
	all, input := r.int64(), r.int64()
	part.Cost = query.Cost{Input: input, Output: all - input, Known: tells&schema.TellsPrice != 0}
	for i, resource := range list(r, r.text) {
		if i > 0 {
			sum.Stand = append(sum.Stand, part)
			part.ParentSpanID, part.Cost = notRoot, query.Cost{}
		}
		part.ResourceAttrs = query.ParseAttrs(resource)
	}
	sum.Stand = append(sum.Stand, part)
}
