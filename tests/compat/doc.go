// Package compat sends traces with the clients people use, as they use them,
// to a running spanmill and reads the rows back by SQL: the OpenTelemetry SDKs
// for Python, Go and JavaScript, the MLflow Tracing SDK in its OTLP-exporter
// mode, and the examples of README.md word for word.
//
// The scripts in python/ and js/ and the Go client all send one story, an
// agent that asks a model and calls a tool that fails; story_test.go says what
// its rows must be, whoever sent it.
package compat
