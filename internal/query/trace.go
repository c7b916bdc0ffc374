package query

import "github.com/spanmill/spanmill/pkg/schema"

// States of a trace.
const (
	StateUnspecified = "STATE_UNSPECIFIED"
	StateInProgress  = "IN_PROGRESS"
	StateOK          = "OK"
	StateError       = "ERROR"
)

// TraceInfo is what is known of a trace beside its spans: what clients said of
// it (later wins), and what its spans say where nobody did.
type TraceInfo struct {
	TraceID         string
	ExperimentID    string
	ClientRequestID string
	RequestMilli    int64 // Unix milliseconds
	DurationMilli   schema.Count
	State           string
	RequestPreview  string
	ResponsePreview string
	// Metadata and Tags are never nil.
	Metadata, Tags map[string]string
	// Assessments are in order of creation; those that were replaced are among
	// them, not Valid. All fields are set, whatever Mask says.
	Assessments []schema.Assessment

	// Finalized: a client has told the trace's info; false while only spans speak.
	Finalized bool
	// Announced: MLflow's SDK has sent some span, and so will tell, or has told, the
	// trace's info right behind the last one.
	Announced bool
	// SpansMilli is when the last span was received, Unix milliseconds; 0: none was.
	SpansMilli int64
	// Spans is how many of the trace's spans are stored.
	Spans int
}

// Trace is a trace with all its spans.
type Trace struct {
	TraceInfo

	Spans []Span
}

// Span is one span as it was sent.
type Span struct {
	TraceID, SpanID string // lower-case hexadecimal
	ParentSpanID    string // "": a root
	ExperimentID    string
	Name            string
	// OtelKind is OTLP's kind without its prefix: INTERNAL, CLIENT, …;
	// UNSPECIFIED if none was sent.
	OtelKind                   string
	StartUnixNano, EndUnixNano uint64
	StatusCode                 int // OTLP's: 0 unset, 1 ok, 2 error
	StatusMessage              string
	TraceState                 string
	Flags                      uint32
	ReceivedMilli              int64 // Unix milliseconds

	Attrs, ResourceAttrs []Attr
	Events               []Event
	Links                []Link
	Cost                 Cost

	DroppedAttrs, DroppedEvents, DroppedLinks uint32
}

// Cost is what a call cost by the price books, in 1e-9 US dollars.
type Cost struct {
	Input, Output int64
	// Known is false where no book had a price, or there was nothing to pay for.
	Known bool
}

// Attr is one attribute.
type Attr struct {
	Key   string
	Value Value
}

// Value is an OTLP AnyValue as it was sent.
type Value struct {
	Type schema.ValueType
	Num  uint64 // as schema.Value has it, for bool, int and double
	// Text is the text of a string, the content of bytes, the JSON of a list or
	// map, and the wire form of a raw value.
	Text string
}

// Event is a timed annotation of a span.
type Event struct {
	TimeUnixNano uint64
	Name         string
	Attrs        []Attr
	DroppedAttrs uint32
}

// Link points to a span, often of another trace.
type Link struct {
	TraceID, SpanID string // hexadecimal, of any length
	TraceState      string
	Attrs           []Attr
	DroppedAttrs    uint32
	Flags           uint32
}
