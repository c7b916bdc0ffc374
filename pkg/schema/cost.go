package schema

// Where a span's cost comes from: column cost_source.
const (
	CostComputed       = "computed"        // by the price books
	CostReportedDetail = "reported_detail" // by the span, itemised
	CostReportedTotal  = "reported_total"  // by the span, as one sum
	CostNone           = "none"
)

// Cost is what a span cost, in 1e-9 US dollars.
type Cost struct {
	// Nano is the one that counts, 0 when Source is CostNone.
	Nano   uint64
	Source string
	// Computed is by the book called Version, Reported as the span has it; both
	// are kept, whichever counts.
	Computed, Reported Count
	// Input is what of Computed is for input, and for the call as such; the others
	// are for output.
	Input    uint64
	Itemised bool // the span reports the parts of Reported
	Version  string
}

// MaxCostNano is what column cost can hold.
const MaxCostNano = 1e18 - 1

// Choose decides which cost counts: the computed one, and the reported one where
// nothing could be computed or it is preferred.
func (c *Cost) Choose(preferReported bool) {
	reported := CostReportedTotal
	if c.Itemised {
		reported = CostReportedDetail
	}
	switch {
	case c.Reported.Set && (preferReported || !c.Computed.Set):
		c.Nano, c.Source = min(c.Reported.N, MaxCostNano), reported
	case c.Computed.Set:
		c.Nano, c.Source = min(c.Computed.N, MaxCostNano), CostComputed
	default:
		c.Nano, c.Source = 0, CostNone
	}
}

// TierBatch is the price tier of calls that are part of a batch.
const TierBatch = "batch"

// PriceTier is the tier that the call is priced in; "": the usual one, or none
// was reported.
func (g *GenAI) PriceTier() string {
	if g.Batch {
		return TierBatch
	}
	return g.ServiceTier
}
