package alerts

import (
	"time"

	"github.com/spanmill/spanmill/internal/query"
)

// Kind is what a rule compares.
type Kind string

// The kinds of rules.
const (
	Threshold Kind = "threshold" // a statistic with a bound
	Ratio     Kind = "ratio"     // a part of a whole with a bound
	BurnRate  Kind = "burn_rate" // how fast an objective's allowance is used up, over long and short windows
	Absence   Kind = "absence"   // nothing where there was something
	Change    Kind = "change"    // a statistic with itself a week before
)

// Metric is a metric of a view.
type Metric struct{ View, Name string }

// Stat is a statistic of a window.
type Stat struct {
	query.Stat
	Quantile float64 // of Stat Quantile
}

// PSI is of kind Change only: how differently values are distributed, as their
// population stability index.
const PSI query.Stat = "psi"

// Bound is a limit that may be there.
type Bound struct {
	Set   bool
	Limit float64
}

// Burn is a pair of windows: the rule holds if the allowance is used up Factor
// times as fast as the objective permits over both.
type Burn struct {
	Long, Short time.Duration
	Factor      float64
}

// Rule is one rule of a file.
type Rule struct {
	Name     string
	Kind     Kind
	Severity string
	// Tenant is whom it is about; "": each tenant by itself.
	Tenant string
	Eval   bool

	Of, Over Metric
	Stat     Stat
	Where    map[string]string
	By       []string // the labels that groups are told apart by

	// Above and Below are exclusive; of Change they are how much it rose or fell,
	// as a part of what it was.
	Above, Below Bound
	// Min is how many observations there must be for the rule to say anything.
	Min int64
	// Sure is by how many standard errors a mean has to be beyond its bounds, and
	// of Change to differ from what it was; 0: chance is not asked about.
	Sure float64

	Window time.Duration
	For    time.Duration // it has to hold for
	Keep   time.Duration // and not to hold for, until it is over
	Seen   time.Duration // Absence: something was there within

	Objective float64 // BurnRate: the part that is to be good
	Burn      []Burn

	Summary string
	Labels  map[string]string // more of them, for receivers
	To      []string          // receivers
}

// Receiver is where notices go.
type Receiver struct {
	Name         string
	Webhook      string // URL, "" for none
	Alertmanager string // base URL, "" for none
	// BearerFile has a token that is sent along; "": none.
	BearerFile string
}

// Rules are a file's.
type Rules struct {
	Rules     []Rule
	Receivers []Receiver
}

// Behind is how long ago the newest pane that rules look at began, at least.
const Behind = 10 * time.Second

// Week is how far back Change looks.
const Week = 7 * 24 * time.Hour
