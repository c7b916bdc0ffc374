//go:build race

package gateway

// raceEnabled: the race detector makes sync.Pool drop a part of what it is
// given, so counts of allocations vary.
const raceEnabled = true
