//go:build !faults

package pipeline

// Fault points name the instants at which the tests kill the process. In
// ordinary builds a point is nothing; see fault_on.go.
func faultPoint(string) {}
