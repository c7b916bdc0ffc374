// Package writer is the stage between topic spans and the ClickHouse tables.
//
// Each partition has one goroutine. Per record it decodes the OTLP bytes to
// flat spans (otlp), drops resends (dedup, Rule D), reads the GenAI meaning
// (semconv), prices it (pricing), and appends the rest to two column blocks:
// spans, a row a span, and trace_parts, a row a trace and batch. pipeline.Run decides where a batch
// ends and takes it into the tables exactly once; what is here is only what a
// batch is made of, and that is a pure function of the log.
//
// Topic rollups goes to table rollups the same way (rollups.go), a row a metric.
//
// What a batch is built in is lent (builds): partitions with a backlog take
// turns, so that an outage costs time afterwards and not memory.
//
// Invariants:
//
//   - A row's content and day depend on the log up to its record, on the price
//     books and on the batch's config, never on the clock, so that a batch formed again after a
//     crash is the same batch.
//   - Nothing that cannot be stored is part of a batch: it is a durable dead
//     letter before the batch is committed.
package writer
