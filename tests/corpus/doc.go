// Package corpus holds what real instrumentations export, and what we make of
// it: captures of six dialects, recorded from the packages people install, and
// a golden of each one's normalised spans.
//
// # Reading
//
//	testdata/captures/DIALECT/VARIANT.SCENARIO.SIGNAL.json   OTLP/JSON as exported, made stable
//	testdata/goldens/DIALECT/VARIANT.SCENARIO.SIGNAL.txt     what Normalize gives, span by span
//
// A dialect is otel, openinference, openllmetry, mlflow, langfuse or vercel; a
// variant is what was instrumented (openai, anthropic, google, langchain), with
// the way it was exported (-native, -logs) and older- for packages of a year
// before. Scenarios are in python/scenarios.py and js/play.js: the same words
// are said in all dialects, so that same_test.go can compare them.
//
// The tests replay the files; they install and run nothing. docs/dialects.md is
// made from them.
//
// # Recording
//
// `make corpus` installs the pinned packages (python/requirements.txt,
// older/requirements.txt, js/package-lock.json) and runs record, which plays
// every scenario against the fakes of package llmfake. Recorded again, a
// capture has the same bytes, as long as the packages are the same; after a
// change of packages read the difference, then run the tests with -update and
// read the goldens' difference too.
package corpus
