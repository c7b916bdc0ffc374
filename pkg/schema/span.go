package schema

import "math"

// ValueType tells which member of an OTLP AnyValue a Value holds.
type ValueType uint8

// The types of OTLP's AnyValue, and ValueRaw for what we refuse to walk.
const (
	ValueEmpty  ValueType = iota
	ValueString           // Str is the text
	ValueBool             // Num is 0 or 1
	ValueInt              // Num is the int64, two's complement
	ValueDouble           // Num is the IEEE 754 bits
	ValueBytes            // Str is the content
	ValueArray            // Str is the wire form of an OTLP ArrayValue
	ValueMap              // Str is the wire form of an OTLP KeyValueList
	ValueRaw              // Str is the wire form of an AnyValue nested too deep to walk
)

// Value is one OTLP AnyValue without a tree: scalars are in place, nested
// values stay in wire form (otlp.AppendJSON renders them). Str aliases the
// record.
type Value struct {
	Type ValueType
	Num  uint64
	Str  string
}

// Int is the number of a ValueInt.
func (v Value) Int() int64 { return int64(v.Num) }

// Double is the number of a ValueDouble.
func (v Value) Double() float64 { return math.Float64frombits(v.Num) }

// Bool is the truth of a ValueBool.
func (v Value) Bool() bool { return v.Num != 0 }

// Attr is one attribute. Key aliases the record.
type Attr struct {
	Key   string
	Value Value
}

// Resource is what sent a span. Shared by all spans of a ResourceSpans.
type Resource struct {
	Attrs        []Attr
	DroppedAttrs uint32
	SchemaURL    string
}

// Scope is the instrumentation library of a span. Shared by all spans of a
// ScopeSpans.
type Scope struct {
	Name, Version string
	Attrs         []Attr
	DroppedAttrs  uint32
	SchemaURL     string
}

// SpanEvent is a timed annotation of a span.
type SpanEvent struct {
	TimeUnixNano uint64
	Name         string
	Attrs        []Attr
	DroppedAttrs uint32
}

// Link points from a span to a span, often of another trace. Its ids are as
// sent: they may have any length, so they are wire bytes, not TraceID.
type Link struct {
	TraceID, SpanID string
	TraceState      string
	Attrs           []Attr
	DroppedAttrs    uint32
	Flags           uint32
}

// SpanFlags say what decoding had to mend or set apart in one span.
type SpanFlags uint8

const (
	// FlagInvalidUTF8: some text held invalid UTF-8; U+FFFD stands there now.
	FlagInvalidUTF8 SpanFlags = 1 << iota
	// FlagDeepValue: some value nests deeper than 64; it is kept as ValueRaw.
	FlagDeepValue
)

// Span is one decoded OTLP span, flat. Slices belong to the decoder and are
// valid until its next call; strings alias the record (text that held invalid
// UTF-8 is owned by the decoder instead).
type Span struct {
	Resource *Resource
	Scope    *Scope

	TraceID      TraceID
	SpanID       SpanID
	ParentSpanID SpanID // zero: a root
	TraceState   string
	Flags        uint32 // OTLP's own flags field
	Name         string
	Kind         int32 // OTLP SpanKind, 0..5 as defined; other numbers as sent
	// StartUnixNano and EndUnixNano are as sent: 0, reversed or absurd.
	StartUnixNano, EndUnixNano uint64
	StatusCode                 int32 // OTLP StatusCode: 0 unset, 1 ok, 2 error
	StatusMessage              string

	Attrs         []Attr
	Events        []SpanEvent
	Links         []Link
	DroppedAttrs  uint32
	DroppedEvents uint32
	DroppedLinks  uint32

	// Index is the span's ordinal within its record, counting every span
	// message on the wire, invalid ones too: with topic partition and offset it
	// names the span for ever.
	Index uint32
	// Mended says what decoding changed.
	Mended SpanFlags
	// Invalid is a reject reason when the span cannot be stored (bad ids,
	// possible only in records that did not pass our gateway), else "".
	Invalid string
}
