package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// toldRows are how many events one statement reads; the next one goes on behind
// them.
const toldRows = 50_000

// version is a place in the log; the greater one wins.
type version struct{ high, low uint64 }

func (r *rows) version() version {
	low := r.uint64()
	return version{r.uint64(), low}
}

func (v version) after(o version) bool {
	return v.high > o.high || v.high == o.high && v.low > o.low
}

// told is what events say of one trace.
type told struct {
	info    query.TraceInfo
	said    bool // a trace info came, not tags or metadata alone
	tags    map[string]tagState
	parts   map[string]*schema.Assessment
	erased  map[string]bool // assessments that are gone
	ordered []string        // assessments in order of their first row
}

type tagState struct {
	version version
	deleted bool
}

// joinDeleted and notDeleted leave out the rows of a table that a deletion of
// their trace has overtaken.
func joinDeleted(tenant string) string {
	return "LEFT ANY JOIN (SELECT trace_id, max(received_at) AS deleted_at FROM trace_deletions WHERE tenant = " + tenant +
		" GROUP BY trace_id) AS d USING (trace_id)"
}

const notDeleted = "received_at > deleted_at"

// toldOf reads the events of traces.
func (s *Store) toldOf(ctx context.Context, scope traceScope) (map[string]*told, error) {
	all := make(map[string]*told, len(scope.ids))
	of := func(id string) *told {
		if all[id] == nil {
			all[id] = &told{
				info: query.TraceInfo{TraceID: id, Metadata: map[string]string{}, Tags: map[string]string{}},
				tags: map[string]tagState{}, parts: map[string]*schema.Assessment{}, erased: map[string]bool{},
			}
		}
		return all[id]
	}
	for _, table := range []struct {
		name, columns string
		read          func(id string, v version, r *rows)
	}{
		{"trace_info", "experiment_id, client_request_id, request_ms, ifNull(duration_ms, 0), isNotNull(duration_ms), " +
			"state, request_preview, response_preview, metadata, tags", func(id string, v version, r *rows) { of(id).readInfo(v, r) }},
		{"trace_tags", "key, value, deleted", func(id string, v version, r *rows) { of(id).readTag(v, r) }},
		{"assessments", assessmentFields, func(id string, _ version, r *rows) { of(id).readAssessment(r) }},
	} {
		if err := s.events(ctx, table.name, table.columns, scope, table.read); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// traceScope is whose traces, and which.
type traceScope struct {
	tenant string
	ids    []string
	times  span // where their rows in trace_info lie; the zero value: anywhere
}

// events reads a table's rows of traces, in the order of the log.
func (s *Store) events(ctx context.Context, table, columns string, of traceScope, read func(id string, v version, r *rows)) error {
	var last struct {
		id string
		v  version
	}
	for {
		q := &question{}
		t := q.text(of.tenant)
		q.add("SELECT trace_id, version, ", columns, " FROM ", table, " AS t ", joinDeleted(t),
			" WHERE tenant = ", t, " AND trace_id IN ", q.texts(of.ids), " AND ", notDeleted)
		if table == TableTraceInfo {
			of.times.infoCondition(q)
		}
		if last.id != "" {
			q.add(" AND (trace_id, version) > (", q.text(last.id), ", ", q.version(last.v), ")")
		}
		q.add(" ORDER BY trace_id, version LIMIT ", q.unsigned(toldRows))
		n := 0
		err := s.read(ctx, table, q, func(r *rows) {
			last.id, last.v = r.text(), r.version()
			read(last.id, last.v, r)
			n++
		})
		if err != nil || n < toldRows {
			return err
		}
	}
}

// infoCondition bounds a statement on trace_info. Rows that tell no time of the
// request can be of any trace.
func (t span) infoCondition(q *question) {
	if t == (span{}) {
		return
	}
	from, to := q.unsigned(t.from/1e6), q.unsigned(t.to/1e6)
	q.add(" AND (request_ms BETWEEN ", from, " AND ", to,
		" AND intDiv(request_ms, 300000) BETWEEN intDiv(", from, ", 300000) AND intDiv(", to, ", 300000) OR request_ms = 0)")
}

// version gives a placeholder for one.
func (q *question) version(v version) string {
	return "bitOr(bitShiftLeft(toUInt128(" + q.unsigned(v.high) + "), 64), toUInt128(" + q.unsigned(v.low) + "))"
}

func (t *told) readInfo(v version, r *rows) {
	i := &t.info
	set := func(to *string) {
		if said := r.text(); said != "" {
			*to = said
		}
	}
	set(&i.ExperimentID)
	set(&i.ClientRequestID)
	if at := r.int64(); at != 0 {
		i.RequestMilli = at
	}
	if n, said := r.uint64(), r.boolean(); said {
		i.DurationMilli = schema.Count{N: n, Set: true}
	}
	set(&i.State)
	set(&i.RequestPreview)
	set(&i.ResponsePreview)
	maps.Copy(i.Metadata, r.texts())
	for key, value := range r.texts() {
		t.setTag(key, value, tagState{version: v})
	}
	t.said = t.said || i.RequestMilli != 0 || i.State != ""
}

func (t *told) readTag(v version, r *rows) {
	key, value, deleted := r.text(), r.text(), r.boolean()
	t.setTag(key, value, tagState{v, deleted})
}

// setTag applies one word on a tag; later in the log wins, whatever the order
// they are read in.
func (t *told) setTag(key, value string, s tagState) {
	if was, ok := t.tags[key]; ok && was.version.after(s.version) {
		return
	}
	t.tags[key] = s
	if s.deleted {
		delete(t.info.Tags, key)
	} else {
		t.info.Tags[key] = value
	}
}

// deletedTags are the tags whose last word was that they go.
func (t *told) deletedTags() []string {
	var keys []string
	for key, s := range t.tags {
		if s.deleted {
			keys = append(keys, key)
		}
	}
	return keys
}

const assessmentFields = "assessment_id, mask, deleted, name, source_type, source_id, create_ms, update_ms, type, value, serialized, " +
	"has_error, error_code, error_message, error_stack, rationale, metadata, span_id, overrides, valid"

// readAssessment applies the fields that one event sets.
func (t *told) readAssessment(r *rows) {
	e := schema.Assessment{ID: r.text(), Mask: schema.AssessmentField(r.uint32()), Deleted: r.boolean()}
	e.Name, e.SourceType, e.SourceID = r.text(), r.text(), r.text()
	e.CreateMilli, e.UpdateMilli = r.int64(), r.int64()
	e.Type, e.Value, e.Serialized = r.text(), r.text(), r.boolean()
	failed, failure := r.boolean(), schema.AssessmentError{Code: r.text(), Message: r.text(), Stack: r.text()}
	if failed {
		e.Error = &failure
	}
	e.Rationale, e.Metadata = r.text(), r.texts()
	e.SpanID, e.Overrides, e.Valid = r.text(), r.text(), r.boolean()
	if e.Deleted {
		t.erased[e.ID] = true
		return
	}
	a := t.parts[e.ID]
	if a == nil {
		a = &schema.Assessment{ID: e.ID}
		t.parts[e.ID] = a
		t.ordered = append(t.ordered, e.ID)
	}
	merge(a, &e)
}

// merge applies the masked fields of an event to an assessment.
func merge(a, e *schema.Assessment) {
	has := func(f schema.AssessmentField) bool { return e.Mask&f != 0 }
	a.Mask |= e.Mask
	if e.UpdateMilli != 0 { // one that another overrides was not updated
		a.UpdateMilli = e.UpdateMilli
	}
	if has(schema.AssessmentName) {
		a.Name = e.Name
	}
	if has(schema.AssessmentSource) {
		a.SourceType, a.SourceID = e.SourceType, e.SourceID
	}
	if has(schema.AssessmentValue) {
		a.Type, a.Value, a.Serialized, a.Error = e.Type, e.Value, e.Serialized, e.Error
	}
	if has(schema.AssessmentRationale) {
		a.Rationale = e.Rationale
	}
	if has(schema.AssessmentMetadata) {
		a.Metadata = e.Metadata
	}
	if has(schema.AssessmentSpan) {
		a.SpanID = e.SpanID
	}
	if has(schema.AssessmentOverrides) {
		a.Overrides = e.Overrides
	}
	if has(schema.AssessmentValid) {
		a.Valid = e.Valid
	}
	if has(schema.AssessmentCreated) {
		a.CreateMilli = e.CreateMilli
	}
}

// assessments are those that are there, in order of creation.
func (t *told) assessments() []schema.Assessment {
	var all []schema.Assessment
	for _, id := range t.ordered {
		a := t.parts[id]
		if t.erased[id] || a.Mask&schema.AssessmentName == 0 {
			continue
		}
		all = append(all, *a)
	}
	slices.SortStableFunc(all, func(a, b schema.Assessment) int {
		if a.CreateMilli != b.CreateMilli {
			return int(min(max(a.CreateMilli-b.CreateMilli, -1), 1))
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}
