package demo

import "math"

// Type tells which member of OTLP's AnyValue a Value holds.
type Type uint8

// The types of OTLP's AnyValue.
const (
	Empty Type = iota
	String
	Bool
	Int
	Double
	Bytes
	Array
	Map
)

// Value is an OTLP AnyValue.
type Value struct {
	Type  Type
	Text  string  // of String and Bytes
	Num   uint64  // of Bool (0, 1), Int (two's complement) and Double (IEEE bits)
	Items []Value // of Array
	Pairs []Attr  // of Map
}

// Attr is an attribute.
type Attr struct {
	Key   string
	Value Value
}

// S is a string value.
func S(s string) Value { return Value{Type: String, Text: s} }

// I is an int value.
func I(n int64) Value { return Value{Type: Int, Num: uint64(n)} }

// D is a double value.
func D(f float64) Value { return Value{Type: Double, Num: math.Float64bits(f)} }

// B is a bool value.
func B(b bool) Value {
	if b {
		return Value{Type: Bool, Num: 1}
	}
	return Value{Type: Bool}
}

// Blob is a bytes value.
func Blob(b string) Value { return Value{Type: Bytes, Text: b} }

// Double is the number of a double value.
func (v *Value) Double() float64 { return math.Float64frombits(v.Num) }

// List is an array value.
func List(items ...Value) Value { return Value{Type: Array, Items: items} }

// KV is a nested key-value list.
func KV(pairs ...Attr) Value { return Value{Type: Map, Pairs: pairs} }

// Resource is what sends spans.
type Resource struct {
	Service   string
	Attrs     []Attr
	Dropped   uint32
	SchemaURL string

	wire []byte // field 1 of a ResourceSpans, encoded once
}

// Scope is an instrumentation library.
type Scope struct {
	Name, Version string
	Attrs         []Attr
	Dropped       uint32
	SchemaURL     string

	wire []byte // field 1 of a ScopeSpans, encoded once
}

// Event is a timed annotation of a span.
type Event struct {
	Time    uint64 // Unix nanoseconds
	Name    string
	Attrs   []Attr
	Dropped uint32
}

// Link points to another span.
type Link struct {
	TraceID    [16]byte
	SpanID     [8]byte
	TraceState string
	Attrs      []Attr
	Dropped    uint32
	Flags      uint32
}

// Span is one span: what goes over the wire and, in Want, what a table must say
// of it. Slices and strings belong to the Maker and are valid until its next
// call.
type Span struct {
	Trace uint64 // number of the trace
	Index uint32 // number of the span in it

	Resource *Resource
	Scope    *Scope

	TraceID       [16]byte
	SpanID        [8]byte
	ParentID      [8]byte // zero: a root
	TraceState    string
	Flags         uint32
	Name          string
	Kind          int32  // OTLP SpanKind
	Start, End    uint64 // Unix nanoseconds
	Status        int32  // OTLP StatusCode
	StatusMessage string

	Attrs         []Attr
	Events        []Event
	Links         []Link
	DroppedAttrs  uint32
	DroppedEvents uint32
	DroppedLinks  uint32

	Want Want
}

// Want is what the generator knows about a span: the canonical columns.
type Want struct {
	Kind, Operation, Provider   string
	RequestModel, ResponseModel string
	// Counts of tokens; -1: the span does not say.
	InputTokens, OutputTokens, TotalTokens, CacheReadTokens, ReasoningTokens int64
	// Billable is true where the tokens are the span's own.
	Billable bool
	// FirstToken is nanoseconds from the start to the first token; -1: the span
	// does not say. Finish is why the model stopped; "": the span does not say.
	FirstToken int64
	Finish     string

	SessionID, UserID, Experiment string
	Agent, Tool, ErrorType        string
	Family                        string // the dialect's name in semconv_family

	Input, Output Content
}

// Model is the model to price: the one that answered, else the one asked.
func (w *Want) Model() string {
	if w.ResponseModel != "" {
		return w.ResponseModel
	}
	return w.RequestModel
}

// Content is a prompt, an answer, arguments or a result.
type Content struct {
	// Text is the column's text; with a Value set, its JSON.
	Text  string
	Value *Value
	// Key names the attribute that is stored as the content and not a second
	// time among the attributes; "" when the attribute's text is not quite the
	// content's.
	Key string
}
