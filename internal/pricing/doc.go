// Package pricing turns a model call's usage into its cost.
//
// A Book has the prices of models and the moment from which they are in force.
// Books are all books there are: the catalogue that is shipped, the operator's
// files, and overrides for single tenants. What a call costs depends on the
// books and on the record's time, never on the clock: a replay prices the same.
//
// Finding the price of a model (match.go) goes by steps, from the certain to the
// less certain: its exact name, its name without decoration, a declared alias,
// the longest name that the model's begins with. What is left when none fits is
// unpriced, with a reason: a price is never guessed, least of all for a provider
// that no book knows.
//
// Arithmetic is exact. A rate is an integer number of atto-dollars (1e-18) a
// token; the sum over a span's tokens is rounded once, half to even, to
// nano-dollars.
//
// Pricer is the hot path: it keeps what it matched, so that pricing a span
// allocates nothing.
package pricing
