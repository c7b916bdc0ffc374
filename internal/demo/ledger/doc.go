// Package ledger remembers what was sent and how it was answered, in a file
// that outlives a kill of the sender at any moment. It holds ranges of a
// generator's order, so that a million spans take some tens of kilobytes.
package ledger
