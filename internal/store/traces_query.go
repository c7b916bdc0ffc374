package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Reader answers query.Reader from the tables of a Store.
type Reader struct{ *Store }

var _ query.Reader = Reader{}

// TraceInfos implements query.Reader.
func (r Reader) TraceInfos(ctx context.Context, tenant string, ids []string) ([]query.TraceInfo, error) {
	return r.infos(ctx, tenant, ids, span{})
}

// infos resolves traces whose rows lie in a range of time; the zero range is all
// of it. Traces with too many spans to be read together are read in parts. One with
// too many alone is resolved by the first of them in the log, and says so: it
// must not keep anybody from paging past it.
func (r Reader) infos(ctx context.Context, tenant string, ids []string, times span) ([]query.TraceInfo, error) {
	traces, err := r.traces(ctx, spanScope{tenant: tenant, ids: ids, times: times, first: len(ids) == 1})
	if half := len(ids) / 2; half > 0 && errors.Is(err, errTooMuch) {
		infos, err := r.infos(ctx, tenant, ids[:half], times)
		if err != nil {
			return nil, err
		}
		more, err := r.infos(ctx, tenant, ids[half:], times)
		return append(infos, more...), err
	}
	if err != nil {
		return nil, tooMuch(err, ids)
	}
	infos := make([]query.TraceInfo, len(traces))
	for i := range traces {
		infos[i] = traces[i].TraceInfo
	}
	return infos, nil
}

// Traces implements query.Reader.
func (r Reader) Traces(ctx context.Context, tenant string, ids []string) ([]query.Trace, error) {
	traces, err := r.traces(ctx, spanScope{tenant: tenant, ids: ids, whole: true})
	if err != nil {
		return nil, tooMuch(err, ids)
	}
	for i := range traces {
		inReadingOrder(traces[i].Spans)
	}
	return traces, nil
}

// tooMuch is the caller's mistake, or an error as it is.
func tooMuch(err error, ids []string) error {
	switch {
	case !errors.Is(err, errTooMuch):
		return err
	case len(ids) == 1:
		return &query.InvalidError{Message: fmt.Sprintf(
			"Trace %s has more than %d spans or %d MiB: ask the tables by SQL", query.GivenID(ids[0]), maxSpanRows, queryResultBytes>>20)}
	}
	return &query.InvalidError{Message: fmt.Sprintf(
		"The %d traces have more than %d spans or %d MiB together: ask for fewer at once", len(ids), maxSpanRows, queryResultBytes>>20)}
}

// traces puts together what events and spans say.
func (r Reader) traces(ctx context.Context, scope spanScope) ([]query.Trace, error) {
	if len(scope.ids) == 0 {
		return nil, nil
	}
	told, err := r.toldOf(ctx, traceScope{scope.tenant, scope.ids, scope.times})
	if err != nil {
		return nil, err
	}
	ids := scope.ids
	var sums map[string]*query.Summary
	if !scope.whole {
		if sums, err = r.summaries(ctx, scope, told); err != nil {
			return nil, err
		}
		scope.ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return sums[id] != nil })
	}
	spans, err := r.spans(ctx, scope)
	if err != nil {
		return nil, err
	}
	var traces []query.Trace
	for _, id := range ids {
		trace := query.Trace{
			TraceInfo: query.TraceInfo{TraceID: id, Metadata: map[string]string{}, Tags: map[string]string{}},
			Spans:     spans[id],
		}
		var deleted []string
		if t := told[id]; t != nil {
			trace.TraceInfo, deleted = t.info, t.deletedTags()
			trace.Assessments, trace.Finalized = t.assessments(), t.said
		}
		if sum := sums[id]; sum != nil {
			if trace.ExperimentID == "" {
				trace.ExperimentID = sum.Stand[0].ExperimentID
			}
			trace.ResolveSummary(sum, deleted)
			traces = append(traces, trace)
			continue
		}
		if !trace.Finalized && len(trace.Spans) == 0 {
			continue
		}
		if trace.ExperimentID == "" && len(trace.Spans) > 0 {
			trace.ExperimentID = trace.Spans[0].ExperimentID
		}
		if len(trace.Spans) > maxSpanRows {
			trace.Spans = trace.Spans[:maxSpanRows]
			trace.Metadata[query.MetadataSpansRead] = strconv.Itoa(maxSpanRows)
		}
		trace.Resolve(trace.Spans, deleted)
		traces = append(traces, trace)
	}
	return traces, nil
}

// Assessment implements query.Reader.
func (r Reader) Assessment(ctx context.Context, tenant, traceID, id string) (schema.Assessment, bool, error) {
	t := &told{parts: map[string]*schema.Assessment{}, erased: map[string]bool{}}
	err := r.events(ctx, "assessments", assessmentFields, traceScope{tenant: tenant, ids: []string{traceID}}, func(_ string, _ version, rows *rows) {
		t.readAssessment(rows)
	})
	for _, a := range t.assessments() {
		if a.ID == id {
			return a, true, err
		}
	}
	return schema.Assessment{}, false, err
}

// TraceIDs implements query.Reader.
func (r Reader) TraceIDs(ctx context.Context, tenant string, sel query.Selection) ([]string, error) {
	if sel.Limit <= 0 || sel.IDs != nil && len(sel.IDs) == 0 {
		return nil, nil
	}
	l := lookup{q: &question{}, experiments: []string{sel.ExperimentID}, ids: sel.IDs}
	l.tenant = l.q.text(tenant)
	if sel.UntilMilli != 0 {
		l.until = sel.UntilMilli
	} else {
		l.until = endOfTime
	}
	l.q.add("SELECT trace_id FROM (", l.resolved(), ") WHERE experiment_id IN ", l.q.texts(l.experiments),
		" AND timestamp_ms <= ", l.q.integer(l.until),
		" ORDER BY timestamp_ms, trace_id LIMIT ", l.q.unsigned(uint64(sel.Limit)))
	var ids []string
	err := r.read(ctx, "trace ids", l.q, func(rows *rows) { ids = append(ids, rows.text()) })
	return ids, err
}
