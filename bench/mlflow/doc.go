// Package mlflow measures what a trace of MLflow's SDK costs: ours beside a real
// `mlflow server`, on one machine, one after the other.
//
// Both get the sequence that the SDK sends for a trace of eight spans: five
// spans, three spans, the trace's info. Ids are fresh in each trace and texts
// differ. traffic.go makes it, replay.go sends it, sides.go says how each side
// is started and when its work is done, bench.go is the run and its report.
package mlflow
