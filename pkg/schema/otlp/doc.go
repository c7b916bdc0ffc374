// Package otlp is the wire form of the words in package schema: OTLP trace
// requests in, flat spans out, and never a tree of objects between.
//
// Two readers obey one validation. A gateway calls Splitter.Split, which cuts
// an ExportTraceServiceRequest into one re-framed request per Kafka partition
// by copying byte ranges. A writer or an aggregator calls Decoder.Decode, which
// gives flat spans whose strings alias the record. FromJSON turns OTLP/JSON
// into protobuf first; AppendResponse and its neighbours write the answers.
//
// Invariants:
//
//   - O1: what Split accepts, Decode accepts, and nothing else. Split runs the
//     walk over every byte; Decode reads by the same table (format.go) and runs
//     the walk too as soon as anything is not plainly as the table has it.
//   - O2: the spans of a request's parts, partition by partition, are the
//     request's accepted spans in their order.
//   - O3: nothing here panics, recurses without bound or allocates more than a
//     small multiple of its input, whatever the bytes.
//   - O4: errors carry offsets and field names, never content.
//
// # Differences from the Collector's pdata
//
// pdata is the oracle of this package's tests. On purpose we differ:
//
//   - A trace, span or parent id of a wrong length, or a zero trace or span id,
//     rejects that span; pdata refuses the request or accepts the zero. A
//     link's ids may have any length.
//   - Groups (wire types 3 and 4) are refused: proto3 has none, and pdata
//     cannot skip them reliably. So are field numbers above 2^29-1 and varints
//     that overflow 64 bits, which pdata truncates.
//   - Values nested deeper than 64 are not walked: what is broken below that
//     passes, as ValueRaw.
//   - Invalid UTF-8 is replaced by U+FFFD and flagged; pdata passes it on.
//   - The pre-2022 field 1000 of ResourceSpans, instrumentation library spans,
//     is an unknown field.
//   - JSON: ids that are not hexadecimal reject their span, integers may be
//     written 1e3, bytes may be base64url, null means absent everywhere, an
//     integer out of range is an error.
package otlp
