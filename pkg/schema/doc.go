// Package schema holds the words every part of spanmill shares: the span as
// the bus carries it, the fields the pipeline reads out of it, the row that
// reaches a table, and the names of topics and record headers.
//
// The package is values only: no I/O, no clock, no logging. Whoever reads a
// type here can tell from its comment what unit a number has and how long a
// string may be kept. Two lifetimes occur:
//
//   - "aliases the record": the string points into the bytes of one Kafka
//     record and is valid as long as those bytes are; copy it to keep it;
//   - "owned": ordinary Go memory.
//
// The bytes-to-words direction lives in the packages below this one:
// schema/otlp decodes, schema/semconv gives GenAI meaning.
package schema
