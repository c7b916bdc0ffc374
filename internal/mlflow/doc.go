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
//
// # Where the writing half differs from MLflow's own server
//
//   - POST traces always answers with the tag mlflow.trace.spansLocation; the real
//     one only where the spans came first (M3).
//   - A trace info without a location, with a time, duration or state that is
//     none: 400; the real one answers 500, or stores 1970 and no state.
//   - A tag of a trace that is not there: 404; the real one's 400 quotes SQL.
//   - A deleted experiment is not renamed: 400 instead of 500.
//   - A workspace is a tenant: server-info says that there are workspaces, and one
//     that is not the key's is 403 instead of 500.
//   - OTLP ids that are too short: 422; the real one pads them with zeros.
//   - Experiment ids are made of tenant and name, not counted; the default
//     experiment was made at time 0.
//   - A link to a run or a prompt is taken for traces that nobody knows.
//   - An assessment that is sent again with the same time of creation is one.
//   - What is no trace's file is no artifact: 404.
package mlflow
