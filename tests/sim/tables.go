package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// Names of the tables.
const (
	tableSpans = "spans"
	tableParts = "trace_parts"
)

// Times of the model server.
const (
	// deadline is D of W9 for every writer.
	deadline = 10 * time.Second
	// longestStall is S: how long at most the server takes from the moment it
	// has looked at a block's deadline until the block is there.
	longestStall = time.Second
)

// tables is the model of ClickHouse: what its server does with blocks, tokens
// and deadlines, as was measured on a real one. A block lands day by day, each
// day whole or not at all and once for each token that is remembered. Tokens
// are counted in parts. They are forgotten as early as the rule for the window
// (docs/exactly-once.md, Settings) lets them: D + S after they came, as soon as
// Window newer ones are there.
type tables struct {
	mu     sync.Mutex
	window int
	byName map[string]*table
	lax    bool    // poison is taken
	broken []error // what must never happen, seen while it happened
	hits   map[string]int
}

type table struct {
	tokens []remembered
	rows   []row
	// uses are the rows that ever came under a token.
	uses map[string]map[key]bool
}

type remembered struct {
	token string
	day   uint16
	at    time.Time
}

// row of either table. A row of spans is one span; a row of trace_parts is what
// a batch held of a trace.
type row struct {
	key
	day    uint16
	spans  int // counted in a trace_parts row
	poison bool
	token  string
}

// key says which row it is. In spans, first and offset are the record's.
type key struct {
	log           string
	partition     int32
	first, offset int64
	index         int
	tenant        string
	trace         schema.TraceID
	span          schema.SpanID
}

// from is where the row comes from.
func (k *key) from() source {
	topicID, _, _ := strings.Cut(k.log, "/")
	return source{topicID, k.partition}
}

func newTables(window int) *tables {
	t := &tables{window: window, byName: map[string]*table{}, hits: map[string]int{}}
	for _, name := range []string{tableSpans, tableParts} {
		t.byName[name] = &table{uses: map[string]map[key]bool{}}
	}
	return t
}

// block is an insert as it is under way: a copy, since the writer uses its own
// memory again.
type block struct {
	table string
	rows  []row
	pipeline.Attempt
}

func daysOf(rows []row) (days []uint16) {
	for i := range rows {
		if !slices.Contains(days, rows[i].day) {
			days = append(days, rows[i].day)
		}
	}
	return days
}

// accept is the moment at which the server has the whole block: it refuses what
// is late or cannot be stored.
func (t *tables) accept(b block) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.use(b)
	if time.Now().After(b.Deadline) {
		t.hits["deadline passed"]++
		return &store.ServerError{Code: 469, Status: 500, Message: "Constraint `in_time` for table spanmill.spans is violated at row 1"}
	}
	return t.check(b.rows)
}

// check is what INSERT and scratch tables look at. The caller holds mu.
func (t *tables) check(rows []row) error {
	if !t.lax && slices.ContainsFunc(rows, func(r row) bool { return r.poison }) {
		t.hits["data rejected"]++
		return &store.ServerError{Code: 117, Status: 500, Message: "Expected end of value"}
	}
	return nil
}

// mend is an update of the server: it takes everything.
func (t *tables) mend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lax = true
}

// land stores one day of the block, unless its token is remembered.
func (t *tables) land(b block, day uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(b.Skip, day) {
		return
	}
	into := t.byName[b.table]
	if slices.ContainsFunc(into.tokens, func(r remembered) bool { return r.token == b.Token && r.day == day }) {
		t.hits["dropped by token"]++
		return
	}
	t.remember(into, remembered{b.Token, day, time.Now()})
	for _, r := range b.rows {
		if r.day == day {
			r.token = b.Token
			into.rows = append(into.rows, r)
		}
	}
}

func (t *tables) remember(into *table, r remembered) {
	into.tokens = append(into.tokens, r)
	for len(into.tokens) > t.window && time.Since(into.tokens[0].at) > deadline+longestStall {
		into.tokens = into.tokens[1:]
		t.hits["token forgotten"]++
	}
}

// crowd is a block of a partition that this world does not have.
func (t *tables) crowd() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, into := range t.byName {
		t.remember(into, remembered{at: time.Now()})
	}
}

// use notes what a token stands for. The same range is the same rows, or fewer
// when records were excluded; so of two uses one must hold the other.
func (t *tables) use(b block) {
	uses := t.byName[b.table].uses
	now := make(map[key]bool, len(b.rows))
	for i := range b.rows {
		now[b.rows[i].key] = true
	}
	before, used := uses[b.Token]
	if !used || holds(now, before) {
		uses[b.Token] = now
		return
	}
	if !holds(before, now) {
		t.broken = append(t.broken, fmt.Errorf("token %s used for other rows: %v, then %v", b.Token, before, now))
	}
}

func holds(all, some map[key]bool) bool {
	for k := range some {
		if !all[k] {
			return false
		}
	}
	return true
}

// present says on which days a table has rows of a batch (W8).
func (t *tables) present(name, log string, partition int32, r pipeline.Range, days []uint16) (have []uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.byName[name].rows {
		w := &t.byName[name].rows[i]
		if w.log != log || w.partition != partition || !slices.Contains(days, w.day) || slices.Contains(have, w.day) {
			continue
		}
		if name == tableSpans && r.Contains(w.offset) || name == tableParts && w.first == r.First && w.offset == r.Last {
			have = append(have, w.day)
		}
	}
	return have
}

// last is the greatest offset that any row came from (W6).
func (t *tables) last(topicID string, partition int32) (offset int64, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range []string{tableSpans, tableParts} {
		for i := range t.byName[name].rows {
			w := &t.byName[name].rows[i]
			if w.from() == (source{topicID, partition}) {
				offset, found = max(offset, w.offset), true
			}
		}
	}
	return offset, found
}

// other is a log other than the given one that rows of the partition came from,
// preferably one of the same topic.
func (t *tables) other(log string, partition int32) (other string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	topicID, _, _ := strings.Cut(log, "/")
	for _, name := range []string{tableSpans, tableParts} {
		for i := range t.byName[name].rows {
			w := &t.byName[name].rows[i]
			if w.partition == partition && w.log != log && (other == "" || w.from().topicID == topicID) {
				other = w.log
			}
		}
	}
	return other
}
