package query

import "github.com/spanmill/spanmill/pkg/schema/rollup"

// Gauge is a metric of a series as of an instant: what it is of, and what it is
// the part or sum of.
type Gauge struct {
	View, Name string
	Labels     []rollup.Label
	Count, Sum int64
}
