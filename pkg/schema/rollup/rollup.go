package rollup

import (
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// MaxLabelBytes bounds a label's value.
const MaxLabelBytes = 96

// LabelText is the beginning of a text that fits into a label, in whole
// characters.
func LabelText(s string) string {
	if len(s) <= MaxLabelBytes {
		return s
	}
	n := MaxLabelBytes
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Label is one dimension of a series.
type Label struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Series is what a metric is about.
type Series struct {
	Tenant string
	View   string
	// Eval: the spans belong to evaluations, not to production.
	Eval bool
	// Labels are in the order of the view's dimensions.
	Labels []Label
}

// Hash is what a series is sent to its partition by: it depends on its words
// alone.
func (s *Series) Hash() uint64 {
	var d xxhash.Digest
	d.Reset()
	text := func(t string) {
		_, _ = d.WriteString(t)
		_, _ = d.Write([]byte{0})
	}
	text(s.View)
	text(s.Tenant)
	if s.Eval {
		text("eval")
	}
	for _, l := range s.Labels {
		text(l.Value)
	}
	return d.Sum64()
}

// Metric is a partial and the name of what it measures.
type Metric struct {
	Name string
	Partial
}

// Pane is what was added to a series in one pane.
type Pane struct {
	Start   int64 // Unix seconds, a multiple of PaneSeconds
	Metrics []Metric
}

// Rollup is what was added to one series, in all panes that were touched.
type Rollup struct {
	Series
	Panes []Pane
}
