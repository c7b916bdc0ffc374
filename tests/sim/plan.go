package sim

import (
	"encoding/json"
	"strings"
	"time"
)

// Plan is one history. It is plain data, so that it can be shrunk, printed and
// kept.
type Plan struct {
	Seed       uint64 `json:"seed"`
	Partitions int    `json:"partitions"`
	// Rows bounds a batch, for each writer apart: whoever forms a batch again
	// must come to the range of another's settings.
	Rows []int `json:"rows"`
	// DedupSpans and DedupMilli are Rule D's K and H.
	DedupSpans int   `json:"dedup_spans"`
	DedupMilli int64 `json:"dedup_milli"`
	// Window is how many tokens a table remembers once they are old enough.
	Window int     `json:"window"`
	Events []Event `json:"events"`
}

// Event happens once, AtMilli after the start.
type Event struct {
	AtMilli int    `json:"at"`
	Kind    Kind   `json:"kind"`
	Writer  int    `json:"writer,omitempty"`
	Table   string `json:"table,omitempty"`
	// Partition is what Expire is about.
	Partition int32 `json:"partition,omitempty"`
	// ForMilli is how long it lasts, or by how much it comes late.
	ForMilli int    `json:"for,omitempty"`
	Fate     Fate   `json:"fate,omitempty"`
	Code     int    `json:"code,omitempty"` // of ClickHouse or Kafka
	Sent     []Sent `json:"sent,omitempty"`
}

// Kind of an event.
type Kind string

// Kinds of events. One that makes no sense when its time comes (a crash of a
// writer that does not run) does nothing, so that any event may be left out.
const (
	Produce Kind = "produce" // records are written to the log
	Start   Kind = "start"   // a writer starts
	Drain   Kind = "drain"   // a writer is told to stop
	Crash   Kind = "crash"   // a writer vanishes without a word; its requests under way may still land
	Stall   Kind = "stall"   // nothing passes between a writer and the world for a while: a zombie to be
	Cut     Kind = "cut"     // a writer's connections to the broker are cut
	Commit  Kind = "commit"  // Fate of the next commit, whoever sends it
	Insert  Kind = "insert"  // Fate of the next insert into Table
	Ask     Kind = "ask"     // the next question to a table fails
	Away    Kind = "away"    // the store answers Code to everything for a while
	Refuse  Kind = "refuse"  // the broker answers Code to the next commit
	Expel   Kind = "expel"   // the broker does not know the next heartbeat's member
	Expire  Kind = "expire"  // retention takes all records of Partition but the last
	Mend    Kind = "mend"    // the store takes poison from now on
	// Recreate deletes the topic and makes it again: its offsets begin anew.
	Recreate Kind = "recreate"
)

// Fate of one request.
type Fate string

// Fates. Late and Slow last ForMilli.
const (
	Lost       Fate = "lost"       // it never arrives; the connection is cut
	Unanswered Fate = "unanswered" // it is done, then the connection is cut
	Late       Fate = "late"       // the connection is cut; it is done later
	Slow       Fate = "slow"       // it is done later, and answered
	Failed     Fate = "failed"     // it is not done, and answered by Code
	Half       Fate = "half"       // some days of it are done, and it is answered by Code
)

// Sent is one record of the log.
type Sent struct {
	Trace int   `json:"trace"` // its spans are of one trace
	Spans []int `json:"spans"` // 0 is a span without an id, which no table can hold
	// DaysAgo is how late the spans are.
	DaysAgo int    `json:"days_ago,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
	// Poison: the store rejects whatever block holds it. Garbage: it is no OTLP.
	Poison  bool `json:"poison,omitempty"`
	Garbage bool `json:"garbage,omitempty"`
	// AgoMilli sets its record time back: gateways' clocks differ.
	AgoMilli int `json:"ago,omitempty"`
}

// longest is the longest delay of anything in the plan.
func (p Plan) longest() time.Duration {
	milli := 0
	for _, e := range p.Events {
		milli = max(milli, e.ForMilli)
	}
	return time.Duration(milli) * time.Millisecond
}

// String is the plan's JSON, one event a line: as it is printed, and kept.
func (p Plan) String() string {
	events := p.Events
	p.Events = []Event{}
	head, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		return err.Error()
	}
	lines := make([]string, len(events))
	for i, e := range events {
		lines[i] = "\t\t" + e.String()
	}
	return strings.Replace(string(head), "[]", "[\n"+strings.Join(lines, ",\n")+"\n\t]", 1) + "\n"
}

// String is the event's JSON.
func (e Event) String() string {
	text, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
