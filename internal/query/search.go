package query

// MaxPage is the most traces of a page, MLflow's own bound.
const MaxPage = 500

// Search asks for traces.
type Search struct {
	// ExperimentIDs are the experiments to look in: one at least.
	ExperimentIDs []string
	// Filter must hold whole; nil: every trace.
	Filter Filter
	// Order is what the page is sorted by, the most important first. The
	// Reader appends request time (latest first) and trace id, so that any
	// order is total.
	Order []Order
	// Limit is 1 to MaxPage.
	Limit int
	// Token is where the page begins, of the page before; "": the first page.
	Token string
}

// Page is an answer to a Search.
type Page struct {
	Traces []TraceInfo
	// Token begins the next page; "": this is the last one.
	Token string
}

// Order is one key to sort by.
type Order struct {
	Field     Field
	Key       string // of a tag or of metadata
	Ascending bool
}

// InvalidError is a question that nobody can answer: the caller's mistake, in
// words for the caller.
type InvalidError struct{ Message string }

func (e *InvalidError) Error() string { return e.Message }
