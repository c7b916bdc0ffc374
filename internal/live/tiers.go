package live

import (
	"sort"
	"time"
)

// Panes become wider as they age, so that a day of them fits into memory: tier 0
// has them as they come, each further tier has wider ones.
const tierCount = 4

// widths of the panes of each tier, in seconds; each divides the next.
var widths = [tierCount]int64{10, 60, 600, 3600}

// reaches say for each pressure how far back the panes of a tier go, in seconds;
// those of the last tier go to the end of history. The store takes the first row
// whose panes fit into its bytes. Rules look at minutes and hours, so a minute's
// panes are the last to go.
var reaches = [...][tierCount - 1]int64{
	{3600, 6 * 3600, 24 * 3600},
	{1200, 2 * 3600, 12 * 3600},
	{600, 3600, 3 * 3600},
	{300, 1800, 3600},
	{120, 600, 1800},
}

// edges are the first instant of each tier, in Unix seconds, newest tier first:
// tier i has the panes from edges[i] on that are older than edges[i-1]. What is
// before the last one is not kept. They lie on the bounds of the next tier's
// panes, and never go back.
type edges [tierCount]int64

// advance moves the edges to where they are at an instant.
func (e *edges) advance(now int64, pressure int, history time.Duration) {
	oldest := now - int64(history/time.Second)
	for i := range e {
		at, width := oldest, widths[tierCount-1]
		if i < tierCount-1 {
			at, width = max(now-reaches[pressure][i], oldest), widths[i+1]
		}
		e[i] = max(e[i], at-at%width)
	}
}

// tier gives the tier that an instant is in, tierCount before the last.
func (e *edges) tier(at int64) int {
	for i := range e {
		if at >= e[i] {
			return i
		}
	}
	return tierCount
}

// width is how many seconds wide the pane is that an instant is in.
func (e *edges) width(at int64) int64 { return widths[min(e.tier(at), tierCount-1)] }

// floor gives the start of the pane that an instant is in.
func (e *edges) floor(at int64) int64 { return at - at%e.width(at) }

// cell is a packed pane.
type cell struct {
	start int64
	data  []byte
}

// cells are packed panes by start.
type cells []cell

// find gives the place of a start, or where it would be.
func (c cells) find(start int64) int {
	if n := len(c); n > 0 && c[n-1].start < start { // the newest, mostly
		return n
	}
	return sort.Search(len(c), func(i int) bool { return c[i].start >= start })
}
