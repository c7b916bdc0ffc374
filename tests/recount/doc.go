// Package recount holds the stream against recounts (P4). Of every span of the
// demo generator it knows what each metric of each series must count in each
// pane ([Want], which shares no code with the product), and the same in SQL, over
// the rows of table spans ([Place.Recount]). [Compare] holds what was streamed
// against both: counts, sums and bounds to the last digit, quantiles and distinct
// counts within their stated errors.
//
// What is compared is played here: traces in random order, with resends and late
// ones, through several aggregators that are killed, some of them inside a
// transaction. TestRecount runs in virtual time on a simulated broker; live
// metrics, read from the same topic, must answer what its records add up to.
// TestSoakRecountOfProcesses has the real binaries, a real Kafka and a real
// ClickHouse. tests/e2e asks the same of a `spanmill up`.
package recount
