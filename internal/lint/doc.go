// Package lint holds the project's own rules as tests: which package may
// import which, how long files and functions may be, names and calls we do
// without, and what no committed file may say.
//
// The rules read every Go file of the tree whatever its build tags (`go list`
// would leave out the fault points and the long runs), so they need only the
// parser. A rule is a function from the tree to findings; its own tests show
// it small sources that it must object to. A finding says what to do instead.
//
// To add a package: give it a layer in layers.go. To let a package use a
// library that is kept to one place: change libraries in layers.go, with an
// ADR that says why the place was wrong.
package lint
