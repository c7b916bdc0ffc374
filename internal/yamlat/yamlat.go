package yamlat

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// MaxBytes bounds a file.
const MaxBytes = 1 << 20

// File is one document, and what is wrong with it.
type File struct {
	name  string
	lines []string
	errs  []*placed
}

// Node is a place in a file. The zero value stands for what is not there.
type Node struct {
	file *File
	yaml *yaml.Node
}

// Parse reads a file's text; name is what errors call it.
func Parse(name string, text []byte) (*File, Node, error) {
	if len(text) > MaxBytes {
		return nil, Node{}, fmt.Errorf("%s: %d bytes, at most %d are read", name, len(text), MaxBytes)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		if at, ok := errors.AsType[*yaml.LoadError](err); ok {
			return nil, Node{}, fmt.Errorf("%s:%d:%d: %s", name, at.Mark.Line, max(at.Mark.Column, 1), at.Message)
		}
		return nil, Node{}, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{name: name, lines: strings.Split(string(text), "\n")}
	if len(doc.Content) == 0 {
		return nil, Node{}, fmt.Errorf("%s: there is nothing in it", name)
	}
	return f, Node{f, doc.Content[0]}, nil
}

// Err is all that is wrong, in the order of the file's lines; nil: nothing.
func (f *File) Err() error {
	slices.SortStableFunc(f.errs, func(a, b *placed) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var all []error
	for _, e := range f.errs {
		all = append(all, e)
	}
	return errors.Join(all...)
}

// placed is an error and its place.
type placed struct {
	file         string
	line, column int
	text         string
}

func (p *placed) Error() string { return fmt.Sprintf("%s:%d:%d: %s", p.file, p.line, p.column, p.text) }

// Errorf notes what is wrong with a node.
func (n Node) Errorf(format string, args ...any) {
	n.file.errs = append(n.file.errs, &placed{n.file.name, n.yaml.Line, n.yaml.Column, fmt.Sprintf(format, args...)})
}

// ErrorAtf notes what is wrong at a character of a text, counted from 0.
func (n Node) ErrorAtf(at int, format string, args ...any) {
	line, column := n.place(at)
	n.file.errs = append(n.file.errs, &placed{n.file.name, line, column, fmt.Sprintf(format, args...)})
}

// Where is the node's place as file:line:column.
func (n Node) Where() string { return fmt.Sprintf("%s:%d:%d", n.file.name, n.yaml.Line, n.yaml.Column) }

// There reports whether the file has the node.
func (n Node) There() bool { return n.yaml != nil }

func (n Node) resolved() *yaml.Node {
	if n.yaml.Kind == yaml.AliasNode {
		return n.yaml.Alias
	}
	return n.yaml
}

// Entry is one of a mapping.
type Entry struct {
	Key   Node
	Name  string
	Value Node
}

// Entries are a mapping's, in the order of the file.
func (n Node) Entries() (out []Entry) {
	if !n.There() {
		return nil
	}
	m := n.resolved()
	if m.Kind != yaml.MappingNode {
		n.Errorf("want a mapping of names to values")
		return nil
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := Node{n.file, m.Content[i]}
		if seen[key.yaml.Value] {
			key.Errorf("%q is there twice", key.yaml.Value)
			continue
		}
		seen[key.yaml.Value] = true
		out = append(out, Entry{key, key.yaml.Value, Node{n.file, m.Content[i+1]}})
	}
	return out
}

// Fields are a mapping's values by name. Other names than the known ones are
// errors.
func (n Node) Fields(known ...string) map[string]Node {
	out := make(map[string]Node)
	for _, e := range n.Entries() {
		if !slices.Contains(known, e.Name) {
			e.Key.Errorf("%q is not known here: %s", e.Name, strings.Join(known, ", "))
			continue
		}
		out[e.Name] = e.Value
	}
	return out
}

// List is a sequence's elements.
func (n Node) List() (out []Node) {
	if !n.There() {
		return nil
	}
	l := n.resolved()
	if l.Kind != yaml.SequenceNode {
		n.Errorf("want a list")
		return nil
	}
	for _, c := range l.Content {
		out = append(out, Node{n.file, c})
	}
	return out
}

// Text is a scalar's text, "" for what is not there.
func (n Node) Text() string {
	if !n.There() {
		return ""
	}
	if s := n.resolved(); s.Kind == yaml.ScalarNode {
		return s.Value
	}
	n.Errorf("want a text")
	return ""
}

// OneOf is a text that must be one of those given; the first stands for what is
// not there.
func (n Node) OneOf(words ...string) string {
	if !n.There() {
		return words[0]
	}
	text := n.Text()
	if !slices.Contains(words, text) {
		n.Errorf("%q is none of %s", text, strings.Join(words, ", "))
		return words[0]
	}
	return text
}

// Flag is true or false; false stands for what is not there.
func (n Node) Flag() bool { return n.OneOf("false", "true") == "true" }

// Whole is a whole number of at least least; otherwise stands for what is not
// there.
func (n Node) Whole(least, otherwise int64) int64 {
	if !n.There() {
		return otherwise
	}
	v, err := strconv.ParseInt(n.Text(), 10, 64)
	if err != nil || v < least {
		n.Errorf("%q is no whole number of at least %d", n.Text(), least)
		return otherwise
	}
	return v
}

// Duration is a time such as 90s, 5m or 1h30m, of at least least; otherwise
// stands for what is not there.
func (n Node) Duration(least, otherwise time.Duration) time.Duration {
	if !n.There() {
		return otherwise
	}
	d, err := time.ParseDuration(n.Text())
	if err != nil || d < least {
		n.Errorf("%q is no time such as 90s, 5m or 1h30m of at least %s", n.Text(), least)
		return otherwise
	}
	return d
}
