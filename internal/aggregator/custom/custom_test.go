package custom

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/spanmill/spanmill/internal/testkit"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

var shipped = Shipped{Views: []string{"tenant", "model"}, Metrics: []string{"spans", "cost"}, Of: []string{"spans", "model_calls"}}

func parse(t testing.TB, text string) *Set {
	t.Helper()
	set, err := Parse("metrics.yaml", []byte(text), shipped)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sample is a span that tells of everything.
func sample() (*schema.Span, *schema.GenAI, Told) {
	span := &schema.Span{
		StartUnixNano: 1e18, EndUnixNano: 1e18 + 2_500_000_000, StatusCode: 2,
		Resource: &schema.Resource{Attrs: []schema.Attr{{Key: "host", Value: schema.Value{Type: schema.ValueString, Str: "a"}}}},
		Attrs: []schema.Attr{
			{Key: "app.plan", Value: schema.Value{Type: schema.ValueString, Str: "pro"}},
			{Key: "app.seats", Value: schema.Value{Type: schema.ValueInt, Num: 12}},
			{Key: "app.trial", Value: schema.Value{Type: schema.ValueBool, Num: 1}},
			{Key: "app.weight", Value: schema.Value{Type: schema.ValueString, Str: "0.5"}},
		},
	}
	g := &schema.GenAI{
		Kind: "LLM", Provider: "openai", Model: "gpt-4o", OutputTokens: schema.Count{N: 1200, Set: true}, UserID: "u1",
		Input: "please refund me", Output: "I cannot help", InputAttr: -1, OutputAttr: -1, FinishReasons: []string{"stop"},
	}
	return span, g, Told{Tenant: "acme", Service: "shop", Cost: schema.Count{N: 2_000_000, Set: true}}
}

// TestExpressions: what each says of the sample.
func TestExpressions(t *testing.T) {
	in := NewInput()
	in.Set(sample())
	for text, want := range map[string]string{
		`value: output_tokens`:                        "1200000000",
		`value: duration`:                             "2500000",
		`value: seconds(duration) * 2.0`:              "5000000",
		`value: cost`:                                 "2000",
		`value: attrs.number("app.seats") / 8.0`:      "1500000",
		`value: attrs.number("app.weight")`:           "500000",
		`value: 'attrs.flag("app.trial") ? 2 : 3'`:    "2000000",
		`value: double(output_tokens) / 0.0`:          "out of range: +Inf",
		`value: output_tokens / input_tokens`:         "division by zero",
		`value: -1`:                                   "out of range: -1",
		`where: output.startsWith("I cannot")`:        "1000000",
		`where: kind == "LLM" && input.contains("x")`: "no",
		`where: resource.text("host") in ["a", "b"]`:  "1000000",
		`where: attrs.has("nothing")`:                 "no",
		`where: finish_reason == "stop" && !eval && status == "ERROR" && duration > duration("2s")`: "1000000",
	} {
		field, expression, _ := strings.Cut(text, ": ")
		v := parse(t, fmt.Sprintf("metrics:\n  - name: x\n    kind: counter\n    %s: %s\n", field, expression)).Views[0]
		got := "no"
		if ok, err := v.Matches(in); err != nil {
			t.Fatal(err)
		} else if ok {
			n, err := v.Millionths(in)
			if got = fmt.Sprint(n); err != nil {
				got = err.Error()
			}
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestLabelsAndDistinct(t *testing.T) {
	in := NewInput()
	in.Set(sample())
	v := parse(t, `
metrics:
  - name: payers
    kind: distinct
    value: user
    by:
      plan: attrs.text("app.plan")
      seats: attrs.text("app.seats")
      big: output_tokens > 1000
      pair: provider + "/" + model
`).Views[0]
	labels, err := v.AppendLabels(nil, in)
	if diff := cmp.Diff([]string{"pro", "12", "true", "openai/gpt-4o"}, labels); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if r, told, err := v.Register(in); err != nil || !told || r != rollup.RegisterOf("u1") {
		t.Error(r, told, err)
	}
	span, g, more := sample()
	g.UserID = ""
	in.Set(span, g, more)
	if _, told, err := v.Register(in); err != nil || told {
		t.Error("nobody counts as a user")
	}
}

// TestErrorsPointAtThePlace: of the file, inside of the expression.
func TestErrorsPointAtThePlace(t *testing.T) {
	_, err := Parse("metrics.yaml", []byte(`metrics:
  - name: tenant
    kind: counter
    where: kind == "LLM" && nothing > 3
    by: {who: output, k: attrs.text("gen_ai.prompt"), key: attrs.text(name)}
  - name: slow
    kind: histogram
    of: everything
    value: |
      output_tokens
      + "x"
  - name: dear
    kind: counter
    where: >-
      input.matches("(a+)+b.*c.*d.*e.*f.*g.*h.*i.*j.*k.*l.*m.*n.*o.*p") ||
      output.matches("(a+)+b.*c.*d.*e.*f.*g.*h.*i.*j.*k.*l.*m.*n.*o.*p")
  - name: text
    kind: gauge
    value: "name"
  - {name: none, kind: gauge}
views:
  - name: by_plan
    metrics: [spans, self_time]
    where: '[1, 2, 3].exists(x, x == 2)'
`), shipped)
	const want = `metrics.yaml:2:11: there is another tenant
metrics.yaml:4:29: undeclared reference to 'nothing'
metrics.yaml:5:15: output is content, and labels have none
metrics.yaml:5:37: "gen_ai.prompt" may be content, and labels have none
metrics.yaml:5:71: an attribute's key stands in quotes
metrics.yaml:8:9: "everything" is none of spans, model_calls
metrics.yaml:11:7: found no matching overload for '_+_' applied to '(int, string)'
metrics.yaml:15:7: it may cost 4920, at most 2000: matches over content is the most expensive, contains and startsWith are cheap
metrics.yaml:19:13: a value is int or uint or double or duration, this is string
metrics.yaml:20:5: a gauge has a value
metrics.yaml:23:22: "self_time" is no metric that a view can show
metrics.yaml:24:29: undeclared reference to 'exists'
metrics.yaml:24:30: undeclared reference to 'x'
metrics.yaml:24:33: undeclared reference to 'x'`
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := Load(t.TempDir()+"/none.yaml", shipped); err == nil || errors.Is(err, ErrRange) {
		t.Error(err)
	}
}

// TestEvalAllocs: filters over words that come again and again cost no memory.
func TestEvalAllocs(t *testing.T) {
	in := NewInput()
	v := parse(t, "metrics:\n  - {name: x, kind: counter, where: 'kind == \"LLM\" && provider in [\"openai\", \"azure\"] && status != \"OK\"', by: {model: model, provider: provider}}\n").Views[0]
	span, g, told := sample()
	var labels []string
	if n := testing.AllocsPerRun(100, func() {
		in.Set(span, g, told)
		ok, err := v.Matches(in)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		labels, _ = v.AppendLabels(labels[:0], in)
	}); n > 0 {
		t.Errorf("%.0f allocations a span", n)
	}
}

// BenchmarkView is what a typical metric costs a span.
func BenchmarkView(b *testing.B) {
	in := NewInput()
	v := parse(b, `
metrics:
  - name: x
    kind: histogram
    where: kind == "LLM" && output_tokens > 1000 && attrs.text("app.plan") == "pro"
    value: duration
    by: {model: model}
`).Views[0]
	span, g, told := sample()
	var labels []string
	b.ReportAllocs()
	for b.Loop() {
		in.Set(span, g, told)
		if ok, err := v.Matches(in); !ok || err != nil {
			b.Fatal(ok, err)
		}
		labels, _ = v.AppendLabels(labels[:0], in)
		if _, err := v.Millionths(in); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWordsTable keeps the table of variables in docs/metrics.md.
func TestWordsTable(t *testing.T) {
	const page, end = "../../../../docs/metrics.md", "<!-- end of the table -->\n"
	const begin = "<!-- The table is made of the code: go test ./internal/aggregator/custom -run TestWordsTable -update -->\n"
	text, err := os.ReadFile(filepath.Join("testdata", page))
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(text), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatal("the page has no place for the table")
	}
	var table strings.Builder
	table.WriteString("| word | type | what |\n|---|---|---|\n")
	for _, v := range variables {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", v.name, typeNames([]*cel.Type{v.typ}), v.about)
	}
	testkit.Golden(t, page, []byte(head+begin+"\n"+table.String()+"\n"+end+tail))
}

// TestCatalogue: each kind is what it is in the words of what is always there.
func TestCatalogue(t *testing.T) {
	got := parse(t, `
metrics:
  - {name: a, about: All., kind: counter, by: {plan: 'attrs.text("app.plan")'}}
  - {name: b, kind: gauge, of: model_calls, value: output_tokens}
  - {name: c, kind: histogram, value: duration}
  - {name: d, kind: distinct, value: user}
views:
  - {name: e, metrics: [spans, cost]}
`).Catalogue()
	for name, want := range map[string]rollup.Definition{
		"a": {Name: "a", Form: rollup.Added, Scale: 1e-6, Help: "All."}, "b": {Name: "b", Form: rollup.Bounded, Scale: 1e-6, Help: "Of metrics.yaml."},
		"c": {Name: "c", Form: rollup.Measured, Scale: 1e-6, Help: "Of metrics.yaml."}, "d": {Name: "d", Form: rollup.Different, Scale: 1, Help: "Of metrics.yaml."},
		"cost": rollup.DefinitionOf("cost"), "nobody's": {Name: "nobody's", Scale: 1e-6},
	} {
		if diff := cmp.Diff(want, got.Definition(name)); diff != "" {
			t.Error(diff)
		}
	}
	want := []rollup.ViewDefinition{
		{Name: "a", Of: "spans", Labels: []string{"plan"}, Metrics: []string{"a"}},
		{Name: "b", Of: "model_calls", Labels: []string{}, Metrics: []string{"b"}},
		{Name: "c", Of: "spans", Labels: []string{}, Metrics: []string{"c"}},
		{Name: "d", Of: "spans", Labels: []string{}, Metrics: []string{"d"}},
		{Name: "e", Of: "spans", Labels: []string{}, Metrics: []string{"spans", "cost"}},
	}
	if diff := cmp.Diff(want, got.Views); diff != "" {
		t.Error(diff)
	}
	if c := (*Set)(nil).Catalogue(); len(c.Metrics)+len(c.Views) > 0 {
		t.Errorf("nothing defines %v", c)
	}
}
