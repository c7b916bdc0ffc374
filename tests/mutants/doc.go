// Command mutants plants the bugs we fear and expects tests to notice.
//
// Each *.patch here is one bug, as a diff against the tree, below a header:
//
//	Mutant: the intent commit is removed
//	Package: ./pkg/pipeline
//	Test: TestCrashBetweenInsertAndCommit
//
// The command copies the tree for each, checks that the named test is green
// there, applies the patch, and fails unless the test then goes red (a patch
// that does not compile proves nothing and counts as a failure). The tests of
// this package check, in every `make test`, that each patch still applies and
// that its test still exists.
package main
