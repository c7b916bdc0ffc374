// Package recount holds the stream against a recount (P4): traces of the demo
// generator in random order, with resends and late ones, through several
// aggregators that are killed, some of them inside a transaction. Every count and
// sum of every view must then be what the generator knows, to the last digit, and
// quantiles and distinct counts within their stated errors. Live metrics, read from
// the same topic, must answer what its records add up to.
//
// It runs in virtual time on a simulated broker. The oracle (want.go) shares no
// code with the product.
package recount
