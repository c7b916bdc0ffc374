package rollup

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
