package store

import (
	"maps"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/spanmill/spanmill/pkg/schema"
)

// EventBlock is rows of one of the tables of events. Which one decides what
// Append takes of an event.
type EventBlock struct {
	columns

	tenant                 dict
	traceID                text
	version                fixed[schema.Version]
	receivedAt             fixed[int64]
	partDay, retentionDays fixed[uint16]
	src                    sourceColumns
	srcIndex               fixed[uint32]
	origin                 text
	own                    interface{ add(e *schema.Event) }
}

// newEventBlock makes a block with own columns between the common ones.
func newEventBlock(own interface{ add(e *schema.Event) }, list ...namedColumn) *EventBlock {
	b := &EventBlock{own: own}
	b.list = slices.Concat(
		[]namedColumn{{"tenant", &b.tenant}, {"trace_id", &b.traceID}},
		list,
		[]namedColumn{
			{"version", b.version.as(typeVersion)},
			{"received_at", b.receivedAt.as(typeMilli)},
			{"part_day", b.partDay.as(typeDate)},
			{"retention_days", b.retentionDays.as(typeUInt16)},
			{"src_log", &b.src.log},
			{"src_partition", b.src.partition.as(typeInt32)},
			{"src_offset", b.src.offset.as(typeInt64)},
			{"src_index", b.srcIndex.as(typeUInt32)},
			{"origin", &b.origin},
		})
	return b
}

// Append adds one row of an event of the block's kind.
func (b *EventBlock) Append(r *schema.EventRow) {
	b.tenant.add(r.Tenant)
	b.traceID.add(r.Event.TraceID)
	b.own.add(r.Event)
	b.version.add(r.Version)
	b.receivedAt.add(r.ReceivedMilli)
	b.partDay.add(r.PartDay)
	b.retentionDays.add(r.RetentionDays)
	b.src.log.add(r.Log)
	b.src.partition.add(r.Partition)
	b.src.offset.add(r.Offset)
	b.srcIndex.add(r.Event.Index)
	b.origin.add(r.Origin)
	b.rows++
}

// NewEventBlock makes an empty block for events of a kind, one of
// schema.StoredKinds. Of other kinds there is no table, and no block.
func NewEventBlock(kind schema.EventKind) *EventBlock {
	switch kind {
	case schema.EventTraceInfo:
		c := new(infoColumns)
		return newEventBlock(c, c.list()...)
	case schema.EventTag:
		c := new(tagColumns)
		return newEventBlock(c, namedColumn{"key", &c.key}, namedColumn{"value", &c.value}, namedColumn{"deleted", c.deleted.as(typeBool)})
	case schema.EventAssessment:
		c := new(assessmentColumns)
		return newEventBlock(c, c.list()...)
	case schema.EventTraceDeleted:
		return newEventBlock(noColumns{})
	case schema.EventContent:
		c := new(contentColumns)
		return newEventBlock(c, c.list()...)
	case schema.EventBusiness:
		c := new(businessColumns)
		return newEventBlock(c, c.list()...)
	}
	return nil
}

// textMap is a Map(LowCardinality(String), String) of whole Go maps.
type textMap struct{ dictMap[text, *text] }

func (c *textMap) add(m map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		c.keys.add(key)
		c.values.add(m[key])
	}
	c.close()
}

type infoColumns struct {
	experimentID                    dict
	clientRequestID                 text
	request                         fixed[int64]
	duration                        nullable
	state                           dict
	requestPreview, responsePreview text
	metadata, tags                  textMap
}

func (c *infoColumns) list() []namedColumn {
	return []namedColumn{
		{"experiment_id", &c.experimentID},
		{"client_request_id", &c.clientRequestID},
		{"request_ms", c.request.as(typeInt64)},
		{"duration_ms", &c.duration},
		{"state", &c.state},
		{"request_preview", &c.requestPreview},
		{"response_preview", &c.responsePreview},
		{"metadata", &c.metadata},
		{"tags", &c.tags},
	}
}

func (c *infoColumns) add(e *schema.Event) {
	t := e.Info
	c.experimentID.add(t.ExperimentID)
	c.clientRequestID.add(t.ClientRequestID)
	c.request.add(t.RequestMilli)
	c.duration.add(t.DurationMilli)
	c.state.add(t.State)
	c.requestPreview.add(t.RequestPreview)
	c.responsePreview.add(t.ResponsePreview)
	c.metadata.add(t.Metadata)
	c.tags.add(t.Tags)
}

type tagColumns struct {
	key     dict
	value   text
	deleted fixed[uint8]
}

func (c *tagColumns) add(e *schema.Event) {
	c.key.add(e.Tag.Key)
	c.value.add(e.Tag.Value)
	c.deleted.add(bit(e.Tag.Deleted))
}

type noColumns struct{}

func (noColumns) add(*schema.Event) {}

type assessmentColumns struct {
	id                       text
	mask                     fixed[uint32]
	deleted                  fixed[uint8]
	name, sourceType         dict
	sourceID                 text
	create, update           fixed[int64]
	valueType                dict
	value                    text
	serialized, hasError     fixed[uint8]
	errorCode                dict
	errorMessage, errorStack text
	rationale                text
	metadata                 textMap
	spanID, overrides        text
	valid                    fixed[uint8]
}

func (c *assessmentColumns) list() []namedColumn {
	return []namedColumn{
		{"assessment_id", &c.id},
		{"mask", c.mask.as(typeUInt32)},
		{"deleted", c.deleted.as(typeBool)},
		{"name", &c.name},
		{"source_type", &c.sourceType},
		{"source_id", &c.sourceID},
		{"create_ms", c.create.as(typeInt64)},
		{"update_ms", c.update.as(typeInt64)},
		{"type", &c.valueType},
		{"value", &c.value},
		{"serialized", c.serialized.as(typeBool)},
		{"has_error", c.hasError.as(typeBool)},
		{"error_code", &c.errorCode},
		{"error_message", &c.errorMessage},
		{"error_stack", &c.errorStack},
		{"rationale", &c.rationale},
		{"metadata", &c.metadata},
		{"span_id", &c.spanID},
		{"overrides", &c.overrides},
		{"valid", c.valid.as(typeBool)},
	}
}

func (c *assessmentColumns) add(e *schema.Event) {
	a := e.Assessment
	c.id.add(a.ID)
	c.mask.add(uint32(a.Mask))
	c.deleted.add(bit(a.Deleted))
	c.name.add(a.Name)
	c.sourceType.add(a.SourceType)
	c.sourceID.add(a.SourceID)
	c.create.add(a.CreateMilli)
	c.update.add(a.UpdateMilli)
	c.valueType.add(a.Type)
	c.value.add(a.Value)
	c.serialized.add(bit(a.Serialized))
	c.hasError.add(bit(a.Error != nil))
	var why schema.AssessmentError
	if a.Error != nil {
		why = *a.Error
	}
	c.errorCode.add(why.Code)
	c.errorMessage.add(why.Message)
	c.errorStack.add(why.Stack)
	c.rationale.add(a.Rationale)
	c.metadata.add(a.Metadata)
	c.spanID.add(a.SpanID)
	c.overrides.add(a.Overrides)
	c.valid.add(bit(a.Valid))
}

type contentColumns struct {
	spanID    text
	eventName dict
	time      fixed[uint64]
	output    fixed[uint8]
	ordinal   fixed[int32]
	role      dict
	body      text
	attrs     textMap
	sessionID text
}

func (c *contentColumns) list() []namedColumn {
	return []namedColumn{
		{"span_id", &c.spanID},
		{"event_name", &c.eventName},
		{"time_unix_nano", c.time.as(typeUInt64)},
		{"output", c.output.as(typeBool)},
		{"ordinal", c.ordinal.as(typeInt32)},
		{"role", &c.role},
		{"body", &c.body},
		{"attrs", &c.attrs},
		{"session_id", &c.sessionID},
	}
}

func (c *contentColumns) add(e *schema.Event) {
	t := e.Content
	c.spanID.add(t.SpanID)
	c.eventName.add(t.EventName)
	c.time.add(t.TimeNano)
	c.output.add(bit(t.Output))
	c.ordinal.add(t.Index)
	c.role.add(t.Role)
	c.body.add(t.Body)
	c.attrs.add(t.Attrs)
	c.sessionID.add(t.SessionID)
}

type businessColumns struct {
	id                text
	name              dict
	time              fixed[int64]
	sessionID, userID text
	value             nullableAmount
	attrs             textMap
}

func (c *businessColumns) list() []namedColumn {
	return []namedColumn{
		{"event_id", &c.id},
		{"name", &c.name},
		{"time", c.time.as(typeNano)},
		{"session_id", &c.sessionID},
		{"user_id", &c.userID},
		{"value", &c.value},
		{"attrs", &c.attrs},
	}
}

func (c *businessColumns) add(e *schema.Event) {
	b := e.Business
	c.id.add(b.ID)
	c.name.add(b.Name)
	c.time.add(int64(min(b.TimeNano, math.MaxInt64)))
	c.sessionID.add(b.SessionID)
	c.userID.add(b.UserID)
	c.value.add(b.Value)
	c.attrs.add(b.Attrs)
}

// nullableAmount is a column of signed amounts that may be absent, in millionths.
type nullableAmount struct{ nullable }

func (c *nullableAmount) add(a schema.Amount) {
	c.nullable.add(schema.Count{N: uint64(a.N), Set: a.Set})
}

func (c *nullableAmount) Type() proto.ColumnType { return "Nullable(Int64)" }
