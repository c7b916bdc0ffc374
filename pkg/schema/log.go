package schema

// LogRecord is one decoded OTLP log record, flat. Lifetimes are a Span's.
type LogRecord struct {
	Resource *Resource
	Scope    *Scope

	// TraceID and SpanID are zero where none, or one of a wrong length, was sent.
	TraceID TraceID
	SpanID  SpanID
	// TimeUnixNano is the record's time, the observed one where it has none.
	TimeUnixNano uint64
	// EventName is the record's own, else its attribute event.name (what SDKs
	// sent before there was a field), else "".
	EventName string
	Severity  int32 // OTLP SeverityNumber
	Body      Value
	Attrs     []Attr
	// Mended says what decoding changed.
	Mended SpanFlags
}
