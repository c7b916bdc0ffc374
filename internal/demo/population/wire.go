package population

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event is a business event as the gateway's JSON has it.
type Event struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Time    time.Time         `json:"time"`
	Trace   string            `json:"trace_id,omitempty"`
	Session string            `json:"session_id,omitempty"`
	User    string            `json:"user_id,omitempty"`
	Value   *float64          `json:"value,omitempty"`
	Micro   int64             `json:"-"` // Value in millionths
	Attrs   map[string]string `json:"attrs,omitempty"`
}

// Events are what the application tells of a session beside its traces.
func (s *Session) Events() []Event {
	w := eventWriter{s: s}
	end := s.End()
	if s.Outcome != "" {
		w.tell(Event{Name: "session.outcome", Time: s.OutAt, Attrs: map[string]string{"outcome": s.Outcome}})
	}
	for i := range s.Handoffs {
		w.tell(Event{Name: "handoff", Time: end.Add(time.Duration(i) * time.Second), Attrs: map[string]string{"to": "support"}})
	}
	if s.Thumbs != 0 {
		w.value(Event{Name: "feedback", Time: end, Trace: s.Turns[0].TraceID, Attrs: map[string]string{"kind": "thumbs"}}, 1_000_000*flag(s.Thumbs > 0))
	}
	if s.CSAT != 0 {
		w.value(Event{Name: "feedback", Time: end, Attrs: map[string]string{"kind": "csat"}}, 1_000_000*int64(s.CSAT))
	}
	for _, m := range s.Marks {
		switch {
		case m.Goal:
			w.orphan = m.Orphan
			w.value(Event{Name: "goal", Time: m.At, Attrs: map[string]string{"goal": m.Name}}, m.Value)
			w.orphan = false
		default:
			w.tell(Event{Name: "feature.use", Time: m.At, Attrs: map[string]string{"feature": m.Name}})
		}
	}
	for _, t := range s.Tasks {
		w.tell(Event{Name: "task", Time: s.Start(), Attrs: map[string]string{"task": t.Name, "state": "started"}})
		ended := Event{Name: "task", Time: end, Attrs: map[string]string{"task": t.Name, "state": "failed"}}
		if t.Completed {
			ended.Attrs["state"] = "completed"
		}
		if t.Completed && t.Saved >= 0 {
			w.value(ended, t.Saved)
		} else {
			w.tell(ended)
		}
	}
	for i := range s.Tickets {
		w.tell(Event{Name: "ticket", Time: s.OutAt, Attrs: map[string]string{"state": "opened", "ticket_id": fmt.Sprintf("t-%s-%d", s.ID, i)}})
	}
	return w.all
}

// eventWriter names events and says whom they are about.
type eventWriter struct {
	s      *Session
	orphan bool // by its user only
	all    []Event
}

func (w *eventWriter) tell(e Event) {
	e.ID = fmt.Sprintf("%s-%d", w.s.ID, len(w.all))
	switch {
	case w.orphan:
		e.User = w.s.User
	case e.Trace == "":
		e.Session, e.User = w.s.ID, w.s.User
	}
	w.all = append(w.all, e)
}

func (w *eventWriter) value(e Event, micro int64) {
	v := float64(micro) / 1e6
	e.Value, e.Micro = &v, micro
	w.tell(e)
}

// Assumptions is the assumptions.yaml that says of a tenant what the ledger
// reckons with.
func Assumptions(tenant, zone string, w Worth) string {
	var b strings.Builder
	decimal := func(v, scale int64) string { return fmt.Sprintf("%d.%0*d", v/scale, len(fmt.Sprint(scale))-1, v%scale) }
	fmt.Fprintf(&b, "tenants:\n  - tenant: %s\n    timezone: %s\n    recontact: %s\n    lookback: %s\n    goals: [%s]\n", tenant, zone, Recontact, Lookback, strings.Join(Goals, ", "))
	fmt.Fprintf(&b, "    funnels:\n      - {name: %s, steps: [%s], within: %s}\n", FunnelName, strings.Join(FunnelSteps, ", "), FunnelWithin)
	fmt.Fprintf(&b, "    versions:\n      - version: %s\n        from: 2020-01-01\n        hourly_rate: %s\n        ticket_cost: %s\n        fixed_cost_per_day: %s\n        baseline_tickets_per_day: %s\n        task_minutes:\n",
		w.Version, decimal(w.HourNano, 1e9), decimal(w.TicketNano, 1e9), decimal(w.Fixed, 1e9), decimal(w.DailyTickets, 1e6))
	for _, task := range slices.Sorted(maps.Keys(w.TaskMinutes)) {
		fmt.Fprintf(&b, "          %s: %s\n", task, decimal(w.TaskMinutes[task], 1e6))
	}
	return b.String()
}

// Usual is what the demo assumes.
var Usual = Worth{
	Version: "demo-1", HourNano: 42_000_000_000, TicketNano: 7_500_000_000, Fixed: 120_000_000_000, DailyTickets: 9_000_000,
	TaskMinutes: map[string]int64{"refund": 12_000_000, "address": 4_500_000},
}

// ids are a turn's, as bytes.
func (t *Turn) ids() (trace [16]byte, root, call [8]byte) {
	_, _ = hex.Decode(trace[:], []byte(t.TraceID)) // the script writes hexadecimal digits
	copy(root[:], trace[8:])
	copy(call[:], trace[8:])
	root[7], call[7] = root[7]|1, call[7]&^1|2
	root[0], call[0] = root[0]|1, call[0]&^1|2
	return trace, root, call
}
