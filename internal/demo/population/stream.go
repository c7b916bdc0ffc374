package population

import (
	"strconv"
	"strings"
	"time"
)

// Stream gives the ledger of what is told of sessions as it comes, each event in
// the minute of its time: events, feedback, and what people say in MLflow as it is
// after they have changed it; requests, tokens and cost of the tenant.
func Stream(sessions []Session) Ledger {
	l := make(Ledger)
	for i := range sessions {
		s := &sessions[i]
		for _, e := range s.Events() {
			l.event(&e)
		}
		for _, t := range s.Turns {
			l.opinion(&t)
			l.turn(&t)
		}
	}
	return l.without()
}

// streamed are the metrics of each view that Stream tells of: those that count
// exactly. Different users and sessions are estimates.
var streamed = map[string][]string{
	"event": happenings, "outcome": happenings, "handoff": happenings, "goal": happenings, "ticket": happenings, "task": happenings, "feature": happenings,
	"task_end": {"task_success"}, "feedback": {"thumbs_up", "csat", "csat_satisfied", "nps", "rating"},
	"assessment": {"assessments", "assessment_errors", "score", "passed", "labelled"}, "assessment_label": {"labelled"}, "rated": {"rated_traces"},
	"tenant": {"trace_latency", "trace_errors", "spans", "cost", "input_tokens", "output_tokens", "total_tokens"},
}

var happenings = []string{"events", "event_value"}

// Streamed is a list for ClickHouse of what Stream tells of, as "view metric".
func Streamed() string {
	var all []string
	for view, metrics := range streamed {
		for _, metric := range metrics {
			all = append(all, "'"+view+" "+metric+"'")
		}
	}
	return "[" + strings.Join(all, ",") + "]"
}

// tell adds to a metric in a minute.
func (l Ledger) tell(at time.Time, view, metric, labels string, part int64) {
	l.add(Key{view, metric, labels, at.Truncate(time.Minute).Unix()}, 1, part)
}

// happen adds an event and its value to a view.
func (l Ledger) happen(e *Event, view, labels string) {
	l.tell(e.Time, view, "events", labels, 1)
	if e.Value != nil {
		l.tell(e.Time, view, "event_value", labels, e.Micro)
	}
}

func (l Ledger) event(e *Event) {
	l.happen(e, "event", "event="+e.Name)
	switch e.Name {
	case "feedback":
		const point = 1_000_000
		switch e.Attrs["kind"] {
		case "thumbs":
			l.tell(e.Time, "feedback", "thumbs_up", "experiment=0", flag(e.Micro > 0))
		case "csat":
			l.tell(e.Time, "feedback", "csat", "experiment=0", e.Micro)
			l.tell(e.Time, "feedback", "csat_satisfied", "experiment=0", flag(e.Micro >= 4*point))
		}
	case "session.outcome":
		l.happen(e, "outcome", "outcome="+e.Attrs["outcome"])
	case "handoff":
		l.happen(e, "handoff", "to="+e.Attrs["to"]+",reason=")
	case "goal":
		l.happen(e, "goal", "goal="+e.Attrs["goal"])
	case "ticket":
		l.happen(e, "ticket", "state="+e.Attrs["state"])
	case "task":
		l.happen(e, "task", "task="+e.Attrs["task"]+",state="+e.Attrs["state"])
		if e.Attrs["state"] != "started" {
			l.tell(e.Time, "task_end", "task_success", "task="+e.Attrs["task"], flag(e.Attrs["state"] == "completed"))
		}
	case "feature.use":
		l.happen(e, "feature", "feature="+e.Attrs["feature"])
	}
}

// opinion is what a person thinks of a turn in the end.
func (l Ledger) opinion(t *Turn) {
	if t.Thumb == 0 {
		return
	}
	up, word := flag(t.Thumb > 0), strconv.FormatBool(t.Thumb > 0)
	l.tell(t.End, "assessment", "assessments", "name=helpful,source=HUMAN", 1)
	l.tell(t.End, "assessment", "assessment_errors", "name=helpful,source=HUMAN", 0)
	l.tell(t.End, "assessment", "score", "name=helpful,source=HUMAN", 1_000_000*up)
	l.tell(t.End, "assessment", "passed", "name=helpful,source=HUMAN", up)
	l.tell(t.End, "assessment", "labelled", "name=helpful,source=HUMAN", 1)
	l.tell(t.End, "assessment_label", "labelled", "name=helpful,source=HUMAN,label="+word, 1)
	l.tell(t.End, "rated", "rated_traces", "name=helpful", 1)
}

// turn is the agent's span, which ends halfway, and the model's call.
func (l Ledger) turn(t *Turn) {
	half := t.Start.Add(t.End.Sub(t.Start) / 2)
	l.tell(half, "tenant", "trace_latency", "", int64(half.Sub(t.Start)))
	if t.Failed {
		l.tell(half, "tenant", "trace_errors", "", 1)
	}
	l.tell(half, "tenant", "spans", "", 1)
	l.tell(t.End, "tenant", "spans", "", 1)
	l.tell(t.End, "tenant", "cost", "", t.CostNano)
	l.tell(t.End, "tenant", "input_tokens", "", t.Input)
	l.tell(t.End, "tenant", "output_tokens", "", t.Output)
	l.tell(t.End, "tenant", "total_tokens", "", t.Input+t.Output)
}
