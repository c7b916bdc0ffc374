package aggregator

import (
	"slices"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// TestDefinitionsAreTheWords: what rollup says of metrics and views, which the
// API and docs/metrics.md are made of, is what the aggregator does.
func TestDefinitionsAreTheWords(t *testing.T) {
	t.Parallel()
	forms := [...]rollup.Form{
		counted: rollup.Counted, added: rollup.Added, bounded: rollup.Bounded, measured: rollup.Measured, distinct: rollup.Different,
		graded: rollup.Graded, shared: rollup.Share,
	}
	scales := map[string]float64{
		"ns": 1e-9, "1e-6 tokens/s": 1e-6, "1e-9 US dollars": 1e-9, "1e-6": 1e-6, "1e-6 points": 1e-6, "1/100 of a point": 100,
	}
	all := slices.Concat(definitions[:], toldDefinitions[:toldUsers]) // users and sessions are spans' too
	if len(rollup.Definitions) != len(all) {
		t.Errorf("%d definitions, want %d", len(rollup.Definitions), len(all))
	}
	for _, d := range all {
		w := rollup.DefinitionOf(d.name)
		scale := scales[d.unit]
		if scale == 0 {
			scale = 1
		}
		if w.Form != forms[d.form] || w.Scale != scale || w.Help == "" {
			t.Errorf("%s: the words are %+v, it is %+v", d.name, w, d)
		}
	}
	own := withOwn(t, testConfig).Own
	for _, v := range own.Views {
		if made := ownView(v); v.Kind != "" && own.Catalogue().Definition(v.Name).Form != forms[made.value.form] {
			t.Errorf("%s: the words are %+v, it is %+v", v.Name, own.Catalogue().Definition(v.Name), made.value)
		}
	}
	shipped := slices.Concat(views, toldViews)
	if len(rollup.Views) != len(shipped) {
		t.Fatalf("%d views in words, want %d", len(rollup.Views), len(shipped))
	}
	for i, v := range shipped {
		w := rollup.Views[i]
		var labels, metrics []string
		labels = append(labels, v.labels()...)
		for left := v.metrics; left != 0; {
			m := left.first()
			left &^= 1 << m
			metrics = append(metrics, v.definition(m).name)
		}
		told := slices.Clone(w.Metrics)
		slices.Sort(told)
		slices.Sort(metrics)
		if w.Name != v.name || !slices.Equal(w.Labels, labels) || !slices.Equal(told, metrics) {
			t.Errorf("view %s: the words are %+v; it has labels %v and metrics %v", v.name, w, labels, metrics)
		}
	}
}
