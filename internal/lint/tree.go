package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the import path of this project.
const Module = "github.com/spanmill/spanmill"

// Finding is one breach of a rule, with what to do about it.
type Finding struct {
	Where string // path[:line], relative to the root
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// File is one parsed Go file.
type File struct {
	Path   string // slash-separated, relative to the root
	Lines  int
	Syntax *ast.File
	fset   *token.FileSet
	tags   string // the file's build constraint, "" if none
}

// Dir is the file's package directory, relative to the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// IsTest reports whether the file is compiled by go test only.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// Tagged reports whether the file is only built with the given tag.
func (f *File) Tagged(tag string) bool { return strings.TrimSpace(f.tags) == tag }

// Imports gives the import paths with the line of each.
func (f *File) Imports() map[string]int {
	imports := make(map[string]int, len(f.Syntax.Imports))
	for _, spec := range f.Syntax.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			imports[name] = f.line(spec.Pos())
		}
	}
	return imports
}

func (f *File) line(pos token.Pos) int { return f.fset.Position(pos).Line }

// at makes a finding at a position of the file.
func (f *File) at(pos token.Pos, format string, args ...any) Finding {
	return Finding{Where: fmt.Sprintf("%s:%d", f.Path, f.line(pos)), What: fmt.Sprintf(format, args...)}
}

// Load parses every Go file below root. Folders that hold no source of ours
// (testdata, node_modules, hidden ones, build output) are left out.
func Load(root string) ([]*File, error) {
	var files []*File
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != root && foreign(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := load(fset, root, name)
		if err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", root, err)
	}
	return files, nil
}

func foreign(dir string) bool {
	return strings.HasPrefix(dir, ".") || dir == "testdata" || dir == "node_modules" || dir == "bin"
}

func load(fset *token.FileSet, root, name string) (*File, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	return &File{
		Path:   filepath.ToSlash(rel),
		Lines:  bytes.Count(source, []byte("\n")),
		Syntax: syntax,
		fset:   fset,
		tags:   buildTags(syntax),
	}, nil
}

// buildTags gives the expression of the //go:build line.
func buildTags(syntax *ast.File) string {
	for _, group := range syntax.Comments {
		if group.Pos() > syntax.Package {
			return ""
		}
		for _, comment := range group.List {
			if tags, ok := strings.CutPrefix(comment.Text, "//go:build "); ok {
				return tags
			}
		}
	}
	return ""
}
