// Package telemetry is how a process shows itself: its log, its metrics and
// the admin port where both health and metrics are asked.
//
// Nothing here is global. NewLogger gives the one logger that constructors hand
// down; NewRegistry gives the one registry that packages put their metrics in;
// NewAdmin serves them:
//
//   - /health: the process is alive;
//   - /ready: every named check passes, else 503 and the names that fail;
//   - /metrics: Prometheus;
//   - /debug/pprof/: Go's profiles.
//
// The admin port has no authentication and listens on loopback unless told
// otherwise: profiles show memory.
package telemetry
