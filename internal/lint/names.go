package lint

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// drawers are package names that say nothing about what is inside.
var drawers = []string{"base", "common", "helpers", "manager", "misc", "models", "types", "util", "utils"}

// history matches names that tell when a thing was written, not what it is:
// WriterV2, writer_v3.go. Lower-case v with digits inside a name is left
// alone: it is often part of a protocol's name.
var history = regexp.MustCompile(`V[2-9]\d*($|[A-Z_])|_v[2-9]\d*(_|\.|$)`)

// Names checks package names, file names and declared identifiers.
func Names(files []*File) []Finding {
	var found []Finding
	for _, f := range files {
		name := strings.TrimSuffix(f.Syntax.Name.Name, "_test")
		if slices.Contains(drawers, name) {
			found = append(found, f.at(f.Syntax.Name.Pos(), "package %s: name it for what it holds", name))
		}
		if file := f.Path[strings.LastIndexByte(f.Path, '/')+1:]; history.MatchString(file) {
			found = append(found, Finding{f.Path, "version in a file name: replace the old one, or name what differs"})
		}
		for _, ident := range declared(f.Syntax) {
			if history.MatchString(ident.Name) {
				found = append(found, f.at(ident.Pos(), "version in the name %s: replace the old one, or name what differs", ident.Name))
			}
		}
	}
	return found
}

// declared gives the names that a file declares at its top level.
func declared(syntax *ast.File) []*ast.Ident {
	var names []*ast.Ident
	for _, decl := range syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name)
				case *ast.ValueSpec:
					names = append(names, s.Names...)
				}
			}
		}
	}
	return names
}
