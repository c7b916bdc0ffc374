package schema

// TimeFlags say what was done to a span's times so that it can be stored.
type TimeFlags uint8

const (
	// TimeDayReceived: part_day is the received day because the retention of
	// the start's day was over by then, or the start lies more than a day ahead.
	TimeDayReceived TimeFlags = 1 << iota
	// TimeDayOverflow: part_day is the received day because the record's spans
	// alone cover more days than a batch may.
	TimeDayOverflow
	// TimeStartClamped: start_time cannot hold the sent start; start_unix_nano does.
	TimeStartClamped
	// TimeEndClamped: end_time cannot hold the sent end; end_unix_nano does.
	TimeEndClamped
	// TimeReversed: the sent end lies before the sent start; duration_ns is 0.
	TimeReversed
	// TimeMissing: start or end was sent as 0.
	TimeMissing
)

// SpanRow is all that a row of table spans is made of. It lives for one Append.
type SpanRow struct {
	Span  *Span
	GenAI *GenAI

	Tenant       string
	ExperimentID string
	// ReceivedMilli is the record's timestamp, Unix milliseconds.
	ReceivedMilli int64
	// PartDay is the row's ClickHouse partition: days since 1970-01-01 UTC.
	PartDay       uint16
	RetentionDays uint16
	TimeFlags     TimeFlags
	Cost          Cost
	// ResourceJSON is the text of the resource's attributes, made once for the
	// spans that share it; "": not made yet.
	ResourceJSON string

	// Log, Partition, Offset and Span.Index name where the row comes from.
	Log       string // pipeline.Log.ID: topic id and incarnation
	Partition int32
	Offset    int64
	// Origin is where a span re-driven from the dead letters first was, an
	// Origin's text with the span's own index; else "".
	Origin string
}

// Tells is a set of what spans may say of their trace. A trace's info that a
// client told of all of it needs no look at the spans.
type Tells uint8

// What spans may say.
const (
	TellsUsage   Tells = 1 << iota // token usage
	TellsCost                      // a cost of their own
	TellsTags                      // tags of the trace: attributes with TraceTagPrefix
	TellsSession                   // a session
	TellsUser                      // a user
	TellsInput                     // the root's input
	TellsOutput                    // the root's output
	TellsPrice                     // calls with tokens that were priced
)

// TraceTagPrefix begins the keys of a root span's attributes that are tags of its
// trace.
const TraceTagPrefix = "mlflow.traceTag."

// TracePart is the sum of one trace's spans within one batch: a row of table
// trace_parts. Strings are owned by the writer until the batch is reset.
type TracePart struct {
	Tenant, ExperimentID string
	TraceID              TraceID
	PartDay              uint16 // least day among the part's spans
	RetentionDays        uint16
	ReceivedMilli        int64 // greatest among the part's records

	// Eval: some span of the part belongs to an evaluation.
	Eval bool
	// RootName and the Root fields are those of the part's root span; HasRoot
	// is false while no root was in this batch.
	HasRoot                     bool
	RootSpanID                  SpanID
	RootName, ServiceName       string
	RootStatus                  int32
	RootStart, RootEnd          uint64 // Unix nanoseconds as sent
	MinStart, MaxEnd            uint64 // Unix nanoseconds as sent
	Spans, Errors, LLMCalls     uint32
	InputTokens, OutputTokens   uint64 // billable spans only
	CostNano                    uint64 // of all spans, 1e-9 US dollars
	CostInputNano               uint64 // of it, what computed costs have for input
	SessionID, UserID           string // first non-empty by span start, root preferred
	InputPreview, OutputPreview string // of the root, at most 200 characters

	// Resources are the spans' resource attributes as JSON, each once, in order of
	// its last span.
	Resources []string
	// Tells is what the spans say that this row only sums up, or has not at all.
	Tells Tells

	Log                     string
	Partition               int32
	FirstOffset, LastOffset int64 // the batch's range
}

// EventRow is all that a row of trace_info, trace_tags, assessments,
// trace_deletions, span_content or business_events is made of. It lives for one
// Append.
type EventRow struct {
	Event *Event

	Tenant string
	// ReceivedMilli is the record's timestamp, Unix milliseconds; of a re-driven
	// record that of its first life.
	ReceivedMilli int64
	PartDay       uint16 // days since 1970-01-01 UTC
	RetentionDays uint16
	Version       Version

	// Log, Partition, Offset and Event.Index name where the row comes from.
	Log       string // pipeline.Log.ID
	Partition int32
	Offset    int64
	Origin    string // as in SpanRow
}

// keptDeletionDays is how much longer than other rows a deletion is kept:
// whatever it hides must be past its own retention first, also where somebody
// made that longer.
const keptDeletionDays = 400

// KeptDeletion is the retention of a deletion, given that of other rows.
func KeptDeletion(days uint16) uint16 { return days + keptDeletionDays }

// Version orders what is told about one trace: all of it is in one partition,
// and later in the log wins (W16). It is a number of 128 bits: incarnation,
// offset, index.
type Version struct{ Low, High uint64 }

// VersionOf is the version of an event at a place in the log.
func VersionOf(incarnation uint32, offset int64, index uint32) Version {
	return Version{
		Low:  uint64(offset)<<32 | uint64(index),
		High: uint64(incarnation)<<32 | uint64(offset)>>32,
	}
}

// ExperimentRow is all that a row of table experiments is made of.
type ExperimentRow struct {
	Experiment    *Experiment
	Tenant        string
	ReceivedMilli int64
	Version       Version
	Log           string // pipeline.Log.ID
	Partition     int32
	Offset        int64
}
