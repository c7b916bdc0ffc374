// Package testkit is what the tests of several packages share: golden files,
// waiting without sleeping, free ports and the check for leaked goroutines.
// Production code never imports it (internal/lint sees to that).
package testkit
