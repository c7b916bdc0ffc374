package lint

import "go/ast"

// The caps. Aim lower: files of 80 to 300 lines, functions of at most 50.
const (
	MaxFileLines     = 600
	MaxFunctionLines = 70
)

// Sizes checks the length of files and of functions. Functions of test files
// may be longer: tables grow.
func Sizes(files []*File) []Finding {
	var found []Finding
	for _, f := range files {
		if f.Lines > MaxFileLines {
			found = append(found, f.at(f.Syntax.Package, "%d lines, cap %d: split it by idea", f.Lines, MaxFileLines))
		}
		if f.IsTest() {
			continue
		}
		for _, decl := range f.Syntax.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			if n := f.line(function.End()) - f.line(function.Pos()) + 1; n > MaxFunctionLines {
				found = append(found, f.at(function.Pos(), "function %s has %d lines, cap %d: keep the ifs here, move the loops into leaves",
					function.Name.Name, n, MaxFunctionLines))
			}
		}
	}
	return found
}
