// Package oracle compares ClickHouse's tables with a ledger.
//
// Check streams the rows of table spans in whatever order the engine gives
// them, asks the generator what each row's span must be, compares them column
// by column and ticks the span off in a bitmap: memory is a bit a span. Then
// every acked span must be ticked, every refused one not, and nothing else may
// be there; the sums of each trace in trace_parts must be those of its rows.
// columns.go is the one table of what is compared, and with which SQL. Count
// compares only numbers, to see whether the tables have caught up.
package oracle
