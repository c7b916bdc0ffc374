package lint

import (
	"go/ast"
	"path"
	"strings"
)

// ban is a function of another package that we do without.
type ban struct {
	pkg, function string
	instead       string
	// allowed says where the call is right after all; nil: nowhere.
	allowed func(*File) bool
}

var bans = []ban{
	{"time", "Sleep", "wait on a channel, a timer or a context; in tests use synctest or testkit.Eventually", nil},
	{"log/slog", "Default", "take a *slog.Logger in the constructor", nil},
	{"log/slog", "SetDefault", "pass loggers to constructors", nil},
	{"os", "Getenv", "add a field to Config: flags and environment are read in internal/app", readsEnvironment},
	{"os", "LookupEnv", "add a field to Config: flags and environment are read in internal/app", readsEnvironment},
	{"context", "Background", "take the context of the caller", startsContexts},
	{"time", "Now", "words have no clock: take the instant as an argument", hasClock},
}

// readsEnvironment: the composition root, the doors, tests, and fault points,
// which exist in test binaries only.
func readsEnvironment(f *File) bool {
	_, l := place(f.Dir())
	return l == root || l == doors || l == tests || f.IsTest() || f.Tagged("faults")
}

func startsContexts(f *File) bool {
	_, l := place(f.Dir())
	return l == root || l == doors || l == tests || f.IsTest()
}

func hasClock(f *File) bool {
	_, l := place(f.Dir())
	return l != words || f.IsTest()
}

// Calls checks for banned functions, for func init, and for skips without a
// reason.
func Calls(files []*File) []Finding {
	var found []Finding
	for _, f := range files {
		names := importNames(f)
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					found = append(found, f.at(n.Pos(), "func init: build it in a constructor"))
				}
			case *ast.SelectorExpr:
				if what := banned(f, names, n); what != "" {
					found = append(found, f.at(n.Pos(), "%s", what))
				}
			case *ast.CallExpr:
				if skipsSilently(f, n) {
					found = append(found, f.at(n.Pos(), "a skip must say why: t.Skip(reason)"))
				}
			}
			return true
		})
	}
	return found
}

// banned judges pkg.Name wherever it stands, called or passed on.
func banned(f *File, names map[string]string, sel *ast.SelectorExpr) string {
	ident, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, b := range bans {
		if names[ident.Name] == b.pkg && sel.Sel.Name == b.function && (b.allowed == nil || !b.allowed(f)) {
			return b.pkg + "." + b.function + ": " + b.instead
		}
	}
	return ""
}

func skipsSilently(f *File, call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !f.IsTest() || len(call.Args) > 0 {
		return false
	}
	return sel.Sel.Name == "SkipNow" || sel.Sel.Name == "Skip"
}

// importNames maps the local name of each import to its path.
func importNames(f *File) map[string]string {
	names := make(map[string]string, len(f.Syntax.Imports))
	for _, spec := range f.Syntax.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		local := path.Base(name)
		if spec.Name != nil {
			local = spec.Name.Name
		}
		names[local] = name
	}
	return names
}
