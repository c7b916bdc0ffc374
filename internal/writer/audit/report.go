package audit

import (
	"fmt"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Kinds of difference.
const (
	Missing = "missing" // it must be there and is not
	Extra   = "extra"   // it is there and must not be
	Doubled = "doubled" // it is there more than once
	Wrong   = "wrong"   // a sum is not that of its spans, or batches overlap
)

// Difference is one thing that is not as it has to be.
type Difference struct {
	Table string // or the topic of dead letters
	Kind  string
	What  string // where, and which span or trace
}

// String is for people.
func (d Difference) String() string { return d.Table + ": " + d.Kind + " " + d.What }

// Tally counts by table and kind.
type Tally map[string]map[string]int64

func (t Tally) add(table, kind string, n int64) {
	if t[table] == nil {
		t[table] = make(map[string]int64)
	}
	t[table][kind] += n
}

// Report is what an audit found.
type Report struct {
	Partitions int
	Records    int64 // read and decided about
	Spans      int64 // rows of spans that are as they must be
	Parts      int64 // rows of trace_parts that are
	// Records of topic events, and the rows of its tables that are as they must be.
	EventRecords, Events int64

	Differences Tally
	// First are the first differences, as many as were asked for.
	First []Difference
	most  int

	// Undecided rows are absent, and may rightly be: the beginning of the log is
	// gone, of which they may be resends.
	Undecided int64
	// Expired rows are absent, and their retention is over.
	Expired int64
	// Lettered rows are absent: their record is a dead letter.
	Lettered int64
	// Deleted rows are absent, and so is their trace: it was deleted.
	Deleted int64
	// EarlierLife rows come from offsets that were used twice: from an earlier
	// incarnation of the log, which cannot be read.
	EarlierLife int64
}

// NewReport keeps the first most differences.
func NewReport(most int) *Report { return &Report{Differences: make(Tally), most: most} }

// Exact reports whether there was no difference.
func (r *Report) Exact() bool { return len(r.Differences) == 0 }

func (r *Report) differsf(table, kind, format string, args ...any) {
	r.Differences.add(table, kind, 1)
	if len(r.First) < r.most {
		r.First = append(r.First, Difference{table, kind, fmt.Sprintf(format, args...)})
	}
}

// excused counts a row that is rightly, or perhaps rightly, absent.
func (r *Report) excused(why excuse) {
	switch why {
	case undecided:
		r.Undecided++
	case expired:
		r.Expired++
	case lettered:
		r.Lettered++
	case deleted:
		r.Deleted++
	case none:
	}
}

// Summary is the report in a line.
func (r *Report) Summary() string {
	var b strings.Builder
	if r.Exact() {
		b.WriteString("exact: ")
	} else {
		b.WriteString("differs: ")
		for _, table := range append(tables(), schema.TopicDeadLetters) {
			for _, kind := range []string{Missing, Extra, Doubled, Wrong} {
				if n := r.Differences[table][kind]; n > 0 {
					fmt.Fprintf(&b, "%s %d %s, ", table, n, kind)
				}
			}
		}
	}
	fmt.Fprintf(&b, "%d rows of spans and %d of trace_parts are as %d records of %d partitions say; absent for a reason: %d undecided, %d expired, %d dead-lettered, %d deleted; %d rows of events are as %d records say",
		r.Spans, r.Parts, r.Records, r.Partitions, r.Undecided, r.Expired, r.Lettered, r.Deleted, r.Events, r.EventRecords)
	if r.EarlierLife > 0 {
		fmt.Fprintf(&b, "; %d rows of an earlier life of the log were not looked at", r.EarlierLife)
	}
	return b.String()
}
