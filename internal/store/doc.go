// Package store keeps rows in ClickHouse: it builds blocks of columns, inserts
// them exactly once, says what is there already, and answers SQL. Nothing else
// in the product knows ClickHouse's drivers.
//
//	block.go, columns.go, dict.go   a block: typed columns that encode
//	                                themselves to Native format
//	*_columns.go                    which columns a table's block has, and how
//	                                a row is taken apart into them
//	table.go, statement.go          Insert, Present, LastOffset: rules W6, W8–W10
//	scratch.go                      trial inserts for bisecting (W11)
//	client.go, stream.go, errors.go HTTP, answers, what an error means
//	clock.go                        our deadline on the server's clock
//	migrate.go, sql/                the tables
//	retention.go                    keeping old rows for another time
//
// A span is appended once: its values go to column buffers that are already
// what the wire wants, and an insert hands those buffers to the connection. In
// a steady stream a row costs no allocation.
//
// Invariants:
//
//   - T1 An insert is one Native block in one HTTP request, and the server
//     stores it as one part for each day of it, or refuses it. A body that was
//     cut off stores nothing.
//   - T2 The server refuses a block that it has complete only after the
//     deadline, by its own clock; how far that clock is off is measured and
//     taken as late rather than early.
//   - T3 The same token is dropped day by day: a block of which some days are
//     stored under its token stores only the others.
//   - T4 Only errors that blame the values are rejections. Whatever is not
//     known is worth another try.
//   - T5 What a client sent is stored as it was sent (types, times, ids of
//     links); what a type cannot hold is clamped beside it, never instead.
package store
