package custom

import (
	"fmt"
	"os"
	"regexp"
	"slices"

	"github.com/spanmill/spanmill/internal/yamlat"
)

// Bounds of a file.
const (
	maxViews  = 64
	maxLabels = 5
)

// Shipped is what there is without the file.
type Shipped struct {
	Views, Metrics []string // metrics are those that a view may show
	Of             []string // sets of spans; the first is all of them
}

// Load reads a file; its error has everything that is wrong with it.
func Load(path string, shipped Shipped) (*Set, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	return Parse(path, text, shipped)
}

// Parse reads a file's text.
func Parse(name string, text []byte, shipped Shipped) (*Set, error) {
	f, top, err := yamlat.Parse(name, text)
	if err != nil {
		return nil, err
	}
	c, err := newCompiler()
	if err != nil {
		return nil, err
	}
	l := loader{compiler: c, shipped: shipped, taken: slices.Clone(shipped.Views)}
	m := top.Fields("metrics", "views", "scorers", "sql") // sql is internal/scheduled's
	for _, n := range m["metrics"].List() {
		l.metric(n)
	}
	for _, n := range m["views"].List() {
		l.view(n)
	}
	for _, n := range m["scorers"].List() {
		l.scorer(n)
	}
	if len(l.set.Views) > maxViews {
		top.Errorf("%d metrics and views, at most %d: each is asked for every span", len(l.set.Views), maxViews)
	}
	return &l.set, f.Err()
}

type loader struct {
	*compiler
	shipped Shipped
	taken   []string
	set     Set
}

// metric reads a metric of its own.
func (l *loader) metric(n yamlat.Node) {
	m := n.Fields("name", "about", "kind", "of", "where", "value", "by")
	v := l.common(n, m)
	if !m["kind"].There() {
		n.Errorf("a metric has a kind: counter, gauge, histogram or distinct")
	}
	v.Kind = Kind(m["kind"].OneOf(string(Counter), string(Gauge), string(Histogram), string(Distinct)))
	switch {
	case m["value"].There() && v.Kind == Distinct:
		v.value = l.compile(m["value"], thing)
	case m["value"].There():
		v.value = l.compile(m["value"], number)
	case v.Kind != Counter:
		n.Errorf("a %s has a value", v.Kind)
	}
	l.set.Views = append(l.set.Views, v)
}

// view reads a view of shipped metrics.
func (l *loader) view(n yamlat.Node) {
	m := n.Fields("name", "about", "of", "where", "by", "metrics")
	v := l.common(n, m)
	for _, e := range m["metrics"].List() {
		if name := e.Text(); !slices.Contains(l.shipped.Metrics, name) {
			e.Errorf("%q is no metric that a view can show", name)
		} else if !slices.Contains(v.Metrics, name) {
			v.Metrics = append(v.Metrics, name)
		}
	}
	if !m["metrics"].There() {
		n.Errorf("a view has metrics, such as [spans, span_errors, cost]")
	}
	l.set.Views = append(l.set.Views, v)
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// common reads what both have.
func (l *loader) common(n yamlat.Node, m map[string]yamlat.Node) *View {
	v := &View{Name: m["name"].Text(), About: m["about"].Text(), Of: m["of"].OneOf(l.shipped.Of...)}
	switch {
	case !m["name"].There():
		n.Errorf("it has no name")
	case !nameShape.MatchString(v.Name):
		m["name"].Errorf("%q is no name such as long_answers: small letters, digits and _", v.Name)
	case slices.Contains(l.taken, v.Name):
		m["name"].Errorf("there is another %s", v.Name)
	}
	l.taken = append(l.taken, v.Name)
	if m["where"].There() {
		v.where = l.compile(m["where"], filter)
	}
	for _, e := range m["by"].Entries() {
		if !nameShape.MatchString(e.Name) {
			e.Key.Errorf("%q is no name of a label: small letters, digits and _", e.Name)
		}
		v.Labels = append(v.Labels, e.Name)
		v.by = append(v.by, l.compile(e.Value, label))
	}
	if len(v.Labels) > maxLabels {
		m["by"].Errorf("%d labels, at most %d", len(v.Labels), maxLabels)
	}
	return v
}
