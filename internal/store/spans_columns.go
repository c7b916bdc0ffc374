package store

import (
	"slices"

	"github.com/spanmill/spanmill/pkg/schema"
)

// SpanBlock is rows of table spans. The zero value is not usable; see
// NewSpanBlock.
type SpanBlock struct {
	columns

	tenant, experimentID, serviceName dict
	traceID, spanID, parentSpanID     text
	isRoot                            fixed[uint8]
	name, kind, otelKind              dict
	status                            fixed[int8]
	statusMessage                     text
	startTime, endTime                fixed[int64]
	durationNs                        fixed[uint64]
	startUnixNano, endUnixNano        fixed[uint64]
	timeFlags                         fixed[uint8]
	isEval                            fixed[uint8]
	weight                            fixed[int64]
	genAI                             genAIColumns
	call                              callColumns
	attrs                             attrColumns
	droppedAttrs                      fixed[uint32]
	droppedEvents, droppedLinks       fixed[uint32]
	resource, scope                   sharedColumns
	scopeName, scopeVersion           dict
	events                            eventColumns
	links                             linkColumns
	traceState                        text
	spanFlags                         fixed[uint32]
	mended                            fixed[uint8]
	receivedAt                        fixed[int64]
	partDay, retentionDays            fixed[uint16]
	src                               sourceColumns
	srcIndex                          fixed[uint32]
	origin                            text

	last rowContext
	json []byte // scratch for attribute lists
}

// rowContext is what the last row came with. Spans of one record that point to
// one Resource (Scope) have its attributes in common; pointers of different
// records say nothing, since decoders reuse their memory.
type rowContext struct {
	log       string
	partition int32
	offset    int64
	resource  *schema.Resource
	scope     *schema.Scope
}

// NewSpanBlock makes an empty block.
func NewSpanBlock() *SpanBlock {
	b := &SpanBlock{}
	b.list = slices.Concat(b.spanColumns(), b.genAI.list(), b.attrs.list(), b.contextColumns(),
		b.events.list(), b.links.list(), b.bookColumns(), b.call.list())
	return b
}

// spanColumns are the span itself.
func (b *SpanBlock) spanColumns() []namedColumn {
	return []namedColumn{
		{"tenant", &b.tenant},
		{"experiment_id", &b.experimentID},
		{"service_name", &b.serviceName},
		{"trace_id", &b.traceID},
		{"span_id", &b.spanID},
		{"parent_span_id", &b.parentSpanID},
		{"is_root", b.isRoot.as(typeBool)},
		{"name", &b.name},
		{"kind", &b.kind},
		{"otel_kind", &b.otelKind},
		{"status", b.status.as(typeStatus)},
		{"status_message", &b.statusMessage},
		{"start_time", b.startTime.as(typeNano)},
		{"end_time", b.endTime.as(typeNano)},
		{"duration_ns", b.durationNs.as(typeUInt64)},
		{"start_unix_nano", b.startUnixNano.as(typeUInt64)},
		{"end_unix_nano", b.endUnixNano.as(typeUInt64)},
		{"time_flags", b.timeFlags.as(typeUInt8)},
		{"is_eval", b.isEval.as(typeBool)},
		{"weight", b.weight.as(typeInt64)},
	}
}

// contextColumns are what the span shares with others, and its counts of loss.
func (b *SpanBlock) contextColumns() []namedColumn {
	return []namedColumn{
		{"dropped_attrs", b.droppedAttrs.as(typeUInt32)},
		{"dropped_events", b.droppedEvents.as(typeUInt32)},
		{"dropped_links", b.droppedLinks.as(typeUInt32)},
		{"resource_attrs", &b.resource.attrs},
		{"resource_dropped_attrs", b.resource.dropped.as(typeUInt32)},
		{"resource_schema_url", &b.resource.schemaURL},
		{"scope_name", &b.scopeName},
		{"scope_version", &b.scopeVersion},
		{"scope_attrs", &b.scope.attrs},
		{"scope_dropped_attrs", b.scope.dropped.as(typeUInt32)},
		{"scope_schema_url", &b.scope.schemaURL},
		{"trace_state", &b.traceState},
		{"span_flags", b.spanFlags.as(typeUInt32)},
	}
}

// bookColumns are the pipeline's own: when, where from, for how long.
func (b *SpanBlock) bookColumns() []namedColumn {
	return []namedColumn{
		{"mended", b.mended.as(typeUInt8)},
		{"received_at", b.receivedAt.as(typeMilli)},
		{"part_day", b.partDay.as(typeDate)},
		{"retention_days", b.retentionDays.as(typeUInt16)},
		{"src_log", &b.src.log},
		{"src_partition", b.src.partition.as(typeInt32)},
		{"src_offset", b.src.offset.as(typeInt64)},
		{"src_index", b.srcIndex.as(typeUInt32)},
		{"origin", &b.origin},
	}
}

// Append adds rows. It copies all it needs: rows and what they refer to may be
// reused afterwards. It fills a few columns at a time: the ends of all of them are
// more than a processor has at hand.
func (b *SpanBlock) Append(rows []schema.SpanRow) {
	for i := range rows {
		b.appendWho(&rows[i])
	}
	for i := range rows {
		b.appendSpan(rows[i].Span)
	}
	b.genAI.add(rows)
	for i := range rows {
		b.call.add(rows[i].GenAI)
	}
	for i := range rows {
		b.json = b.attrs.add(rows[i].Span.Attrs, rows[i].GenAI, b.json)
	}
	for i := range rows {
		b.appendContext(&rows[i])
	}
	for i := range rows {
		b.json = b.events.add(rows[i].Span.Events, b.json)
		b.json = b.links.add(rows[i].Span.Links, b.json)
	}
	for i := range rows {
		b.appendBook(&rows[i])
	}
	b.rows += len(rows)
}

func (b *SpanBlock) appendWho(r *schema.SpanRow) {
	b.tenant.add(r.Tenant)
	b.experimentID.add(r.ExperimentID)
	b.serviceName.add(r.GenAI.ServiceName)
	b.name.add(r.Span.Name)
	b.kind.add(r.GenAI.Kind)
	b.otelKind.add(kindName(r.Span.Kind))
	b.isEval.add(bit(r.GenAI.Eval))
	b.weight.add(r.GenAI.Weight)
}

func (b *SpanBlock) appendSpan(s *schema.Span) {
	b.traceID.hex(s.TraceID[:])
	b.spanID.hex(s.SpanID[:])
	root := s.ParentSpanID.IsZero()
	if root {
		b.parentSpanID.add("")
	} else {
		b.parentSpanID.hex(s.ParentSpanID[:])
	}
	b.isRoot.add(bit(root))
	b.status.add(statusOf(s.StatusCode))
	b.statusMessage.add(s.StatusMessage)
	b.startTime.add(nanoTime(s.StartUnixNano))
	b.endTime.add(nanoTime(s.EndUnixNano))
	b.durationNs.add(duration(s.StartUnixNano, s.EndUnixNano))
	b.startUnixNano.add(s.StartUnixNano)
	b.endUnixNano.add(s.EndUnixNano)
}

func (b *SpanBlock) appendContext(r *schema.SpanRow) {
	s, last := r.Span, b.last
	sameRecord := last.resource != nil && last.offset == r.Offset && last.partition == r.Partition && last.log == r.Log
	b.last = rowContext{r.Log, r.Partition, r.Offset, s.Resource, s.Scope}
	if r.ResourceJSON != "" {
		b.resource.attrs.add(r.ResourceJSON)
	} else {
		b.json = b.resource.add(s.Resource.Attrs, sameRecord && last.resource == s.Resource, b.json)
	}
	b.resource.dropped.add(s.Resource.DroppedAttrs)
	b.resource.schemaURL.add(s.Resource.SchemaURL)
	b.scopeName.add(s.Scope.Name)
	b.scopeVersion.add(s.Scope.Version)
	b.json = b.scope.add(s.Scope.Attrs, sameRecord && last.scope == s.Scope, b.json)
	b.scope.dropped.add(s.Scope.DroppedAttrs)
	b.scope.schemaURL.add(s.Scope.SchemaURL)
}

// appendBook appends what the pipeline says of the row, and what the span's
// sender says in passing.
func (b *SpanBlock) appendBook(r *schema.SpanRow) {
	b.droppedAttrs.add(r.Span.DroppedAttrs)
	b.droppedEvents.add(r.Span.DroppedEvents)
	b.droppedLinks.add(r.Span.DroppedLinks)
	b.traceState.add(r.Span.TraceState)
	b.spanFlags.add(r.Span.Flags)
	b.timeFlags.add(uint8(r.TimeFlags))
	b.mended.add(uint8(r.Span.Mended))
	b.receivedAt.add(r.ReceivedMilli)
	b.partDay.add(r.PartDay)
	b.retentionDays.add(r.RetentionDays)
	b.src.log.add(r.Log)
	b.src.partition.add(r.Partition)
	b.src.offset.add(r.Offset)
	b.srcIndex.add(r.Span.Index)
	b.origin.add(r.Origin)
}

// Reset implements Block.
func (b *SpanBlock) Reset() {
	b.columns.Reset()
	b.events.ends.reset()
	b.links.ends.reset()
	b.last = rowContext{}
	b.json = recycle(b.json)
}
