package scheduled

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// sweepEvery is how often a run looks at all days, whatever the server says. Others
// look at recent days alone, where nearly all rows come: looking through the index
// of every day costs the more the longer the history is.
const sweepEvery = time.Hour

// recentDays is how many days before that of a run are recent, too.
const recentDays = 2

// reach is the days that a run looks at. A row that comes between two runs is read
// by the second of them if its day is recent then. Else it lies behind the positions
// of the last sweep, whatever was read on other days since, and the next sweep reads
// it: a day that is not recent never is again, as the numbers of runs only grow.
type reach struct {
	recent string // the first recent day, as SQL
	sweep  bool   // older ones are looked at, too
	given  string // what older days had been given by then; empty: not known
}

// span is a part of a table's days, and under which name positions keep how far it
// was read.
type span struct{ days, name string }

// spans are those that a run looks at. Each is asked by itself, so that partitions
// and the index on offsets leave out what they can.
func (r reach) spans(table string) []span {
	out := []span{{"part_day >= " + r.recent, table}}
	if r.sweep {
		out = append(out, span{"part_day < " + r.recent, swept(table)})
	}
	return out
}

// look decides on the days of a run. It sweeps if a new hour has begun since the
// last run, if older days were given something since the last one of this process,
// and if that is not known.
func (p *pass) look(ctx context.Context) error {
	p.reach.recent = "toDate('" + date(int64(p.run)/perDay-recentDays) + "')"
	// The numbers of a partition's blocks grow with each insert, and with nothing else.
	// Of a cluster's shards the server does not say them: there, the hour has to do.
	rows, err := p.tables.Answer(ctx, "SELECT sum(cityHash64(table, partition, newest)) FROM (SELECT table, partition, max(max_block_number) AS newest FROM system.parts"+
		" WHERE database = currentDatabase() AND active AND table IN ("+list(sources, quote)+") AND partition < toString("+p.reach.recent+") GROUP BY table, partition)", nil)
	if err != nil {
		return fmt.Errorf("find what old days were given: %w", err)
	}
	if len(rows) == 1 {
		p.reach.given = strings.Join(rows[0], " ")
	}
	every := sweepEvery.Milliseconds()
	p.reach.sweep = p.since/every != int64(p.run)/every || p.reach.given != p.given || p.reach.given == ""
	return nil
}
