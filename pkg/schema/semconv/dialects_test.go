package semconv

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
)

// sample is a span in a data file.
type sample struct {
	Name       string
	Scope      string
	Resource   map[string]any
	Status     int32
	Start      uint64
	Attributes map[string]any
	Events     []struct {
		Name       string
		Time       uint64
		Attributes map[string]any
	}
	// Want lists fields of schema.GenAI by name, where the file has it.
	Want map[string]any
}

func readSamples(t testing.TB, file string) (list []sample) {
	t.Helper()
	readData(t, file, &list)
	return list
}

func readData(t testing.TB, file string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func (s *sample) span() *schema.Span {
	span := &schema.Span{
		Name: s.Name, StatusCode: s.Status, StartUnixNano: s.Start, Attrs: attrsOf(s.Attributes),
		Resource: &schema.Resource{Attrs: attrsOf(s.Resource)}, Scope: &schema.Scope{Name: s.Scope},
	}
	for _, e := range s.Events {
		span.Events = append(span.Events, schema.SpanEvent{Name: e.Name, TimeUnixNano: e.Time, Attrs: attrsOf(e.Attributes)})
	}
	return span
}

// attrsOf sorts: the order of attributes never matters.
func attrsOf(m map[string]any) (list []schema.Attr) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, schema.Attr{Key: key, Value: value(literal(m[key]))})
	}
	return list
}

// literal turns what JSON holds into the test's literals. A number with a point
// is a double, another one an integer.
func literal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return int(i)
		}
		f, _ := v.Float64() // the decoder has checked it
		return f
	case []any:
		l := list{}
		for _, e := range v {
			l = append(l, literal(e))
		}
		return l
	case map[string]any:
		d := dict{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			d = append(d, dict1{key, literal(v[key])})
		}
		return d
	default:
		return v
	}
}

// fields lists what a GenAI says, field by field.
func fields(g *schema.GenAI) map[string]string {
	said := make(map[string]string)
	addFields(said, reflect.ValueOf(*g))
	delete(said, "InputAttr") // where it stands is of no interest, InputKey tells whether it does
	delete(said, "OutputAttr")
	if g.Weight == schema.WeightOnce {
		delete(said, "Weight") // as of nearly all
	}
	return said
}

func addFields(said map[string]string, v reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i).Interface().(type) {
		case schema.Request:
			addFields(said, v.Field(i))
		case schema.Count:
			if f.Set {
				said[name] = fmt.Sprint(f.N)
			}
		case schema.Real:
			if f.Set {
				said[name] = fmt.Sprint(f.V)
			}
		case []string:
			if f != nil {
				said[name] = strings.Join(f, " | ")
			}
		default:
			if !v.Field(i).IsZero() {
				said[name] = fmt.Sprint(f)
			}
		}
	}
}

// TestDialects: what each dialect's spans mean, in testdata/dialects.
func TestDialects(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dialects/*.json")
	if err != nil || len(files) < 19 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text strings.Builder
			for _, s := range readSamples(t, "dialects/"+name+".json") {
				g := normalize(s.span())
				said := fields(&g)
				fmt.Fprintf(&text, "%s\n", s.Name)
				for _, field := range slices.Sorted(maps.Keys(said)) {
					fmt.Fprintf(&text, "    %s: %s\n", field, said[field])
				}
			}
			testkit.Golden(t, "dialects/"+name+".txt", []byte(text.String()))
		})
	}
}

// pitfall is a case that went wrong elsewhere: the spans of one trace, what
// each means, and what the trace adds up to.
type pitfall struct {
	Case  string
	Spans []sample
	// Of billable spans only.
	Input, Output uint64
	Session       string // the first that any span says
}

// TestPitfalls is the table of golden cases, each a real failure of some other
// product, in testdata/pitfalls.json.
func TestPitfalls(t *testing.T) {
	t.Parallel()
	var cases []pitfall
	readData(t, "pitfalls.json", &cases)
	if len(cases) < 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			t.Parallel()
			var input, output uint64
			session := ""
			for _, s := range c.Spans {
				g := normalize(s.span())
				said := fields(&g)
				for field, want := range s.Want {
					if got := said[field]; got != fmt.Sprint(want) {
						t.Errorf("%s: %s is %q, want %q", s.Name, field, got, want)
					}
				}
				if g.Billable {
					input, output = input+g.InputTokens.N, output+g.OutputTokens.N
				}
				if session == "" {
					session = g.SessionID
				}
			}
			if input != c.Input || output != c.Output || session != c.Session {
				t.Errorf("trace: %d tokens in, %d out, session %q; want %d, %d, %q", input, output, session, c.Input, c.Output, c.Session)
			}
		})
	}
}
