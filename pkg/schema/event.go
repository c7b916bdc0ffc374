package schema

// EventKind says what an Event tells, and which of its members is set.
type EventKind uint8

// Kinds. The numbers are on the wire: they never change their meaning.
const (
	// EventTraceInfo merges Info into the trace's: see TraceInfo.
	EventTraceInfo EventKind = 1
	// EventTag sets or deletes one tag of a trace (Tag).
	EventTag EventKind = 2
	// EventAssessment sets the masked fields of an assessment (Assessment).
	EventAssessment EventKind = 3
	// EventTraceDeleted hides everything of the trace received before it.
	EventTraceDeleted EventKind = 4
	// EventContent is content of a span that came as a log record (Content).
	EventContent EventKind = 5
	// EventBusiness is something that happened around a trace, a session or a
	// user (Business).
	EventBusiness EventKind = 6
)

// String is the kind's name, of a few: it may be a label.
func (k EventKind) String() string {
	switch k {
	case EventTraceInfo:
		return "trace_info"
	case EventTag:
		return "tag"
	case EventAssessment:
		return "assessment"
	case EventTraceDeleted:
		return "trace_deleted"
	case EventContent:
		return "content"
	case EventBusiness:
		return "business"
	}
	return "unknown"
}

// StoredKinds are the kinds of event that have a table, in the order that a
// batch lands in them.
func StoredKinds() []EventKind {
	return []EventKind{EventTraceInfo, EventTag, EventAssessment, EventTraceDeleted, EventContent, EventBusiness}
}

// Event is a record's value in topic events, or one of several in it: all that
// is told about traces beside their spans. Later in the log wins. The record
// has the tenant and the received time. Strings are owned.
type Event struct {
	Kind EventKind
	// TraceID is as table spans has it: 32 lower-case hexadecimal digits for
	// MLflow's tr-… ids, any other id as it was given; "" for what belongs to no
	// trace. It leads the record to its partition: by trace, else session, else id.
	TraceID string

	Info       *TraceInfo
	Tag        *Tag
	Assessment *Assessment
	Content    *Content
	Business   *Business

	// Index is the event's ordinal in its record, as decoded: with topic,
	// partition and offset it names the event for ever.
	Index uint32
	// Invalid is why a decoded event cannot be used, else "".
	Invalid string
}

// Key is what leads the event to its partition beside others of the same: the
// trace, else the session, else the event's own id.
func (e *Event) Key() string {
	switch {
	case e.TraceID != "":
		return e.TraceID
	case e.Content != nil:
		return e.Content.SessionID
	case e.Business != nil && e.Business.SessionID != "":
		return e.Business.SessionID
	case e.Business != nil:
		return e.Business.ID
	}
	return ""
}

// TraceInfo is what MLflow calls a trace info. A later one overwrites the plain
// fields (those that were sent) and adds to Metadata and Tags by key.
type TraceInfo struct {
	ExperimentID    string
	ClientRequestID string
	RequestMilli    int64 // Unix milliseconds
	DurationMilli   Count // not set: not sent
	State           string
	RequestPreview  string
	ResponsePreview string
	Metadata, Tags  map[string]string
}

// Tag is one key of a trace.
type Tag struct {
	Key, Value string
	Deleted    bool
}

// AssessmentField is a set of fields of an Assessment.
type AssessmentField uint32

// Fields that an update may name.
const (
	AssessmentName AssessmentField = 1 << iota
	AssessmentSource
	AssessmentValue // Type, Value, Serialized and Error
	AssessmentRationale
	AssessmentMetadata
	AssessmentSpan
	AssessmentOverrides
	AssessmentValid
	AssessmentCreated
	AssessmentAll AssessmentField = 1<<iota - 1
)

// Assessment is a judgement of a trace or span: feedback, an expectation or an
// issue. ID always counts, UpdateMilli unless it is 0; the others where Mask says so.
type Assessment struct {
	ID      string
	Mask    AssessmentField
	Deleted bool // the assessment is gone; nothing else counts

	Name                     string
	SourceType, SourceID     string
	CreateMilli, UpdateMilli int64  // Unix milliseconds
	Type                     string // feedback, expectation or issue
	Value                    string // JSON text; "" for none
	Serialized               bool   // an expectation sent as serialized_value
	Error                    *AssessmentError
	Rationale                string
	Metadata                 map[string]string
	SpanID                   string
	Overrides                string // id of the assessment that this one replaces
	Valid                    bool
}

// AssessmentError says why a judge gave no value.
type AssessmentError struct{ Code, Message, Stack string }

// Content is what a log record says a span took in or gave out.
type Content struct {
	SpanID    string // 16 lower-case hexadecimal digits
	EventName string
	TimeNano  uint64
	// Role and Index place a message: input or output, in order.
	Output    bool
	Index     int32
	Role      string
	Body      string // JSON text
	Attrs     map[string]string
	SessionID string
}

// Business is an event of the product around the application: feedback, a
// handoff, a goal, a ticket, a task.
type Business struct {
	ID                string // unique in the tenant: sent twice, it counts once
	Name              string
	TimeNano          uint64
	SessionID, UserID string
	Value             Amount
	Attrs             map[string]string
}
