// Package mlflow is the stage that speaks MLflow's tracking protocol, so that
// an application built on the MLflow Tracing SDK only has to be told where we
// are. What it writes becomes spans and events on the bus, by the one way in;
// what it reads is asked of a query.Reader. Nothing is kept here but what the
// log of experiments says.
//
//	mlflow.go    Server: the listener and its life
//	routes.go    what is answered where, under /api and /ajax-api alike
//	serve.go     one request: who is calling → its body, bounded → handler → answer
//	errors.go    refusals and how MLflow words them
//	object.go    MLflow's JSON: protobuf's, in either case of names
//
// The other files hold the handlers, by what they are about; read_*.go are
// those that read.
//
// Invariants:
//
//   - M1: a write is answered with success only after the bus acknowledged it
//     (promise P1). No write needs ClickHouse.
//   - M2: a client's mistake is a 4xx. MLflow's clients try again for minutes
//     after a 500, with the application waiting.
//   - M3: the answer to a trace info always says that the spans are in the
//     tracking store: without it SDKs upload every span twice.
//   - M4: a request sees and changes what belongs to its key's tenant (P7).
//   - M5: the bytes of bodies come from the gateway's budget.
package mlflow
