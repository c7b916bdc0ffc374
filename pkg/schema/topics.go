package schema

import (
	"encoding/hex"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Topics. Values and partitioning are described in docs/ARCHITECTURE.md.
const (
	// TopicSpans carries plain OTLP ExportTraceServiceRequest protobuf, so
	// that any Kafka client or OpenTelemetry Collector can read or write it.
	TopicSpans = "spans"
	// TopicEvents carries msgpack Events: what is told about traces beside their
	// spans. Same number of partitions and same partitioner as TopicSpans.
	TopicEvents = "events"
	// TopicExperiments carries msgpack Experiments by key, compacted: each
	// gateway reads it whole.
	TopicExperiments = "experiments"
	// TopicRollups carries what spans add to metrics (package rollup), by a hash
	// of the series. It is written in transactions: read it read_committed.
	TopicRollups = "rollups"
	// TopicAlerts carries the states of alerts as JSON (package alerts), by key,
	// compacted. Its one partition belongs to whoever watches.
	TopicAlerts = "alerts"
	// TopicDeadLetters carries records the pipeline could not use, as they
	// came, with the reason and the origin in headers.
	TopicDeadLetters = "dead-letters"
)

// Record headers. A record without them was written by a stranger and belongs
// to DefaultTenant.
const (
	HeaderTenant     = "tenant"
	HeaderExperiment = "experiment"
	// HeaderVersion is the format version of the record, decimal text.
	HeaderVersion = "v"
	// HeaderCorrection is on records of TopicRollups that correct what was streamed
	// before, and names what made them: it is in windows of the past, in no counter.
	HeaderCorrection = "correction"
)

// SpansVersion is the format version that gateways write to HeaderVersion.
const SpansVersion = "1"

// RollupsVersion is the format version of records in TopicRollups.
const RollupsVersion = "1"

// DefaultTenant owns everything that arrives without a key or a header.
const DefaultTenant = "default"

// DefaultExperiment is the experiment of spans that name none (MLflow's rule).
const DefaultExperiment = "0"

// PartitionOf gives the partition of topic TopicSpans that a trace belongs to,
// in [0, partitions). All spans of a trace share it; deduplication and
// per-trace aggregation rely on that.
func PartitionOf(trace TraceID, partitions int) int32 {
	return int32(xxhash.Sum64(trace[:]) % uint64(partitions))
}

// PartitionOfKey gives the partition of topic TopicEvents that an event's Key
// belongs to: that of its spans where the key is a trace id as spans have it.
func PartitionOfKey(key string, partitions int) int32 {
	if trace, ok := ParseTraceID(key); ok {
		return PartitionOf(trace, partitions)
	}
	return int32(xxhash.Sum64String(key) % uint64(partitions))
}

// ParseTraceID reads TraceID's text: 32 lower-case hexadecimal digits.
func ParseTraceID(text string) (t TraceID, ok bool) {
	if len(text) != 2*len(t) || strings.ToLower(text) != text {
		return t, false
	}
	_, err := hex.Decode(t[:], []byte(text))
	return t, err == nil
}

// TraceID is a W3C trace id. The zero value is invalid.
type TraceID [16]byte

// IsZero reports whether the id is the invalid all-zero one.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// String is 32 lower-case hexadecimal digits.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// AppendHex appends String's text without allocating.
func (t TraceID) AppendHex(dst []byte) []byte { return hex.AppendEncode(dst, t[:]) }

// SpanID is a W3C span id. The zero value is invalid, or "no parent".
type SpanID [8]byte

// IsZero reports whether the id is all zero.
func (s SpanID) IsZero() bool { return s == SpanID{} }

// String is 16 lower-case hexadecimal digits.
func (s SpanID) String() string { return hex.EncodeToString(s[:]) }

// AppendHex appends String's text without allocating.
func (s SpanID) AppendHex(dst []byte) []byte { return hex.AppendEncode(dst, s[:]) }
