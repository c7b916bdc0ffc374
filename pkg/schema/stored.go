package schema

// StoredSpan is what an audit reads back of a row of table spans: which span it
// is, and where in the log it comes from.
type StoredSpan struct {
	Log    string // pipeline.Log.ID
	Offset int64
	Index  uint32
	Trace  TraceID
	Span   SpanID
}

// StoredPart is what an audit reads back of a row of table trace_parts.
type StoredPart struct {
	Log         string // pipeline.Log.ID
	First, Last int64  // the batch's range
	Tenant      string
	Trace       TraceID
	Spans       uint64
}

// Deletion hides what was received about a trace up to it, itself included.
type Deletion struct {
	Tenant, TraceID string
	ReceivedMilli   int64 // Unix milliseconds
}

// StoredEvent is what an audit reads back of a row of a table of events: which
// it is, and where in the log it comes from.
type StoredEvent struct {
	Log     string // pipeline.Log.ID
	Offset  int64
	Index   uint32
	Tenant  string
	TraceID string
}
