package aggregator

import "github.com/spanmill/spanmill/pkg/pipeline"

// tally is what one partition's log comes to: of topic spans a core, of topic
// events a toldCore. It is pure: the same log gives the same additions.
type tally interface {
	// take adds what a record tells.
	take(r *pipeline.Record)
	// recall shows a record from before the first to be counted. What it adds was
	// sent by the partition's last owner; before from it is only seen.
	recall(r *pipeline.Record, from int64)
	// forget makes it know nothing of the log; ready ends recalling.
	forget()
	ready()
	// standsOn is the least offset whose records decide about the one at next.
	standsOn(next int64) int64
	// full reports whether nothing from before what was recalled could change a
	// decision. oldest is the offset from where that is known now, -1 if it is not.
	full() bool
	oldest() int64
	// added is what was added since it was cleared.
	added() *catalogue
}

func (c *core) full() bool        { return c.ring.Full() }
func (c *core) oldest() int64     { return c.ring.Oldest() }
func (c *core) added() *catalogue { return c.catalogue }

var _ tally = (*core)(nil)
