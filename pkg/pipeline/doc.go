// Package pipeline moves records from a partitioned log into tables, each
// record's content exactly once. It knows neither spans nor Kafka nor
// ClickHouse: a Source is one assigned partition, a Stage turns records into
// tables' blocks, and Run is the loop between them.
//
// The protocol of a batch (rules W1–W14 of docs/exactly-once.md):
//
//	fetch → weigh → cut      a batch is a contiguous offset range [first, last]
//	commit first + intent    the range is frozen before anything is inserted
//	insert every table       with a token made of the range, before a deadline
//	commit last+1            the batch is done
//
// After a crash the next owner finds the intent, forms exactly that range
// again, asks each table what it already has, and inserts only the rest.
package pipeline
