package aggregator

import (
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// business adds what an event tells to its series.
func (c *toldCore) business(b *schema.Business, at telling) {
	pane := at.pane(b.TimeNano)
	attr := func(name string) string { return label(b.Attrs[name]) }
	c.happen(b, pane, viewEvent, label(b.Name))
	switch b.Name {
	case schema.NameFeedback:
		c.feedback(b, pane)
	case schema.NameSessionOutcome:
		c.happen(b, pane, viewOutcome, attr(schema.AttrOutcome))
	case schema.NameHandoff:
		c.happen(b, pane, viewHandoff, attr(schema.AttrTo), attr(schema.AttrReason))
	case schema.NameGoal:
		c.happen(b, pane, viewGoal, attr(schema.AttrGoal))
	case schema.NameTicket:
		c.happen(b, pane, viewTicket, attr(schema.AttrState))
	case schema.NameTask:
		task, state := attr(schema.AttrTask), b.Attrs[schema.AttrState]
		c.happen(b, pane, viewTask, task, label(state))
		if state == "completed" || state == "failed" || state == "abandoned" {
			c.put(addition{of: c.series(viewTaskEnd, task), pane: pane}, taskSuccess, one(state == "completed"))
		}
	case schema.NameFeatureUse:
		c.happen(b, pane, viewFeature, attr(schema.AttrFeature))
	}
}

// happen adds an event, its value, its user and its session to a series.
func (c *toldCore) happen(b *schema.Business, pane int64, view int, labels ...string) {
	s := c.series(view, labels...)
	a := addition{of: s, pane: pane}
	c.put(a, events, 1)
	if b.Value.Set {
		c.put(a, eventValue, b.Value.N)
	}
	p := c.catalogue.pane(s, pane)
	if b.UserID != "" {
		p.partial(toldUsers).Distinct.Add(rollup.RegisterOf(b.UserID))
	}
	if b.SessionID != "" {
		p.partial(toldSessions).Distinct.Add(rollup.RegisterOf(b.SessionID))
	}
}

// feedback adds what a person thinks, on its scale.
func (c *toldCore) feedback(b *schema.Business, pane int64) {
	if !b.Value.Set {
		return
	}
	const unit = 1_000_000
	a := addition{of: c.series(viewFeedback, label(firstText(b.Attrs[schema.AttrExperiment], schema.DefaultExperiment))), pane: pane}
	switch n := b.Value.N; b.Attrs[schema.AttrKind] {
	case schema.FeedbackThumbs:
		c.put(a, thumbsUp, one(n > 0))
	case schema.FeedbackCSAT:
		c.put(a, csat, n)
		c.put(a, csatSatisfied, one(n >= 4*unit))
	case schema.FeedbackNPS:
		c.put(a, nps, one(n >= 9*unit)-one(n <= 6*unit))
	case schema.FeedbackRating:
		c.put(a, rating, n)
	}
}
