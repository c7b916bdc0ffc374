// Package mlflow holds spanmill's MLflow door against a real `mlflow server`.
//
// The oracle is the server itself, run by the tests from the same package that
// applications install. Two sets of requests are answered by both and compared:
//
//   - the programs in python/ are run with each tracking URI through a recording
//     proxy; steady.py makes ids and clock the same in each run, so that both
//     servers get the same requests byte for byte;
//   - testdata/corpus has requests with the answers a real server gave.
//
// make mlflow runs all of it, with every package, beside a real server. make test
// installs mlflow-tracing only: there the corpus is replayed, and some programs are
// compared with their accounts in testdata/accounts, what they saw of a real server.
// make mlflow ARGS=-record writes corpus and accounts anew, after a change of the
// requests or the programs.
//
// Replies are compared whole: status, media type, every field and value. What
// a server makes up itself (ids, times, page tokens) is compared by the order
// in which it appears: a value must come back where the real server's comes
// back. What differs is in differences_test.go, field by field and with
// its reason; an entry that nothing needs fails the tests too.
package mlflow
