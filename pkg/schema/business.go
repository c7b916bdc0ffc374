package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Names of business events that definitions of metrics read. There may be
// others: any dotted words.
const (
	NameFeedback       = "feedback"
	NameSessionOutcome = "session.outcome"
	NameHandoff        = "handoff"
	NameGoal           = "goal"
	NameTicket         = "ticket"
	NameTask           = "task"
	NameFeatureUse     = "feature.use"
)

// Kinds of feedback, as its attribute kind has them.
const (
	FeedbackThumbs = "thumbs"
	FeedbackCSAT   = "csat"
	FeedbackNPS    = "nps"
	FeedbackRating = "rating"
)

// Attributes of business events that definitions of metrics read.
const (
	AttrKind       = "kind"
	AttrOutcome    = "outcome"
	AttrTo         = "to"
	AttrReason     = "reason"
	AttrGoal       = "goal"
	AttrState      = "state"
	AttrTicketID   = "ticket_id"
	AttrTask       = "task"
	AttrFeature    = "feature"
	AttrExperiment = "experiment_id"
)

// BusinessAttr is an attribute of a shipped business event.
type BusinessAttr struct {
	Name     string
	Values   []string // nil: any text
	Required bool
	Help     string
}

// BusinessDefinition is what a shipped business event is. docs/events.md is
// made of it.
type BusinessDefinition struct {
	Name    string
	Help    string
	Attrs   []BusinessAttr
	Value   string // what Value is, "" if it means nothing here
	Session bool   // it has to name a session
	Example string // one item of POST /api/v1/events
}

// BusinessDefinitions are the shipped events. A name never changes its meaning.
var BusinessDefinitions = []BusinessDefinition{
	{
		Name: NameFeedback, Help: "What a person thinks of an answer, a session or the product.",
		Attrs: []BusinessAttr{{
			AttrKind,
			[]string{FeedbackThumbs, FeedbackCSAT, FeedbackNPS, FeedbackRating},
			true,
			"How it was asked: up or down; satisfaction from 1 to 5; likelihood to recommend from 0 to 10; any other scale.",
		}},
		Value:   "Required. `thumbs`: 1 for up, 0 for down; `csat`: a whole number from 1 to 5; `nps`: a whole number from 0 to 10; `rating`: any.",
		Example: `{"name": "feedback", "time": "2026-11-28T09:30:00Z", "trace_id": "0af7651916cd43dd8448eb211c80319c", "user_id": "ann", "value": 1, "attrs": {"kind": "thumbs"}}`,
	},
	{
		Name: NameSessionOutcome, Help: "How a session ended. The last one of a session counts.",
		Attrs: []BusinessAttr{{
			AttrOutcome,
			[]string{"resolved", "unresolved", "abandoned", "completed"},
			true,
			"The user's matter was settled, or was not; the user left in the middle; the session came to its end, whatever it was about.",
		}},
		Session: true,
		Example: `{"name": "session.outcome", "time": "2026-11-28T09:41:07.5Z", "session_id": "chat-1041", "attrs": {"outcome": "resolved"}}`,
	},
	{
		Name: NameHandoff, Help: "A person took over.",
		Attrs: []BusinessAttr{
			{AttrTo, nil, false, "Who took over: a queue, a team, `human`."},
			{AttrReason, nil, false, "Why, in a word or two."},
		},
		Example: `{"name": "handoff", "time": "2026-11-28T09:44:00Z", "session_id": "chat-1042", "attrs": {"to": "billing", "reason": "refund"}}`,
	},
	{
		Name: NameGoal, Help: "A user did what the product is for: bought, booked, signed up.",
		Attrs:   []BusinessAttr{{AttrGoal, nil, true, "Which goal."}},
		Value:   "What it is worth, in the unit that you count in, such as money.",
		Example: `{"id": "order-88123", "name": "goal", "time": "2026-11-28T10:02:11Z", "session_id": "chat-1041", "user_id": "ann", "value": 129.9, "attrs": {"goal": "purchase"}}`,
	},
	{
		Name: NameTicket, Help: "A support ticket was opened or closed, here or in another system.",
		Attrs: []BusinessAttr{
			{AttrState, []string{"opened", "closed"}, true, "What happened to it."},
			{AttrTicketID, nil, false, "Which ticket."},
		},
		Example: `{"name": "ticket", "time": "2026-11-28T10:15:00Z", "user_id": "bo", "attrs": {"state": "opened", "ticket_id": "T-5521"}}`,
	},
	{
		Name: NameTask, Help: "A piece of work that the application does for somebody began or ended.",
		Attrs: []BusinessAttr{
			{AttrTask, nil, true, "Which kind of work."},
			{AttrState, []string{"started", "completed", "failed", "abandoned"}, true, "What happened to it."},
		},
		Value:   "Minutes that it saved, if that is known; else the tenant's baseline of the task counts.",
		Example: `{"name": "task", "time": "2026-11-28T10:20:00Z", "session_id": "agent-7", "user_id": "bo", "value": 25, "attrs": {"task": "invoice", "state": "completed"}}`,
	},
	{
		Name: NameFeatureUse, Help: "A user used a feature.",
		Attrs:   []BusinessAttr{{AttrFeature, nil, true, "Which feature."}},
		Example: `{"name": "feature.use", "time": "2026-11-28T10:21:00Z", "user_id": "bo", "attrs": {"feature": "voice"}}`,
	},
}

// BusinessDefinitionOf gives what a shipped event is, nil for others.
func BusinessDefinitionOf(name string) *BusinessDefinition {
	for i := range BusinessDefinitions {
		if BusinessDefinitions[i].Name == name {
			return &BusinessDefinitions[i]
		}
	}
	return nil
}

// Bounds of a business event.
const (
	MaxBusinessName      = 64   // bytes
	MaxBusinessID        = 256  // bytes of an event's, session's or user's id
	MaxBusinessAttrs     = 64   // attributes
	MaxBusinessAttrKey   = 128  // bytes
	MaxBusinessAttrValue = 4096 // bytes
)

// BusinessError says what is wrong with a business event. The texts are for
// whoever sent it and have nothing of it but names that this package knows.
type BusinessError struct {
	Code  string // one of the constants below
	Field string // such as attrs.kind
	Text  string
}

// Codes of what is wrong with a business event.
const (
	BusinessMissing = "missing"    // a field has to be there
	BusinessBad     = "bad_value"  // it is not what the field takes
	BusinessLarge   = "too_large"  // it is beyond a bound
	BusinessUnknown = "unknown"    // there is no such field
	BusinessType    = "wrong_type" // text where a number belongs, and the like
)

func (e *BusinessError) Error() string { return e.Field + ": " + e.Text }

// Check says what is wrong with the event, the first thing; nil: nothing.
func (b *Business) Check() *BusinessError {
	for _, check := range []func() *BusinessError{b.checkName, b.checkTime, b.checkIDs, b.checkAttrs, b.checkValue} {
		if err := check(); err != nil {
			return err
		}
	}
	return b.checkDefinition()
}

func (b *Business) checkName() *BusinessError {
	switch {
	case b.Name == "":
		return &BusinessError{BusinessMissing, "name", "say what happened, such as feedback"}
	case len(b.Name) > MaxBusinessName:
		return &BusinessError{BusinessLarge, "name", fmt.Sprintf("at most %d bytes", MaxBusinessName)}
	case !IsBusinessName(b.Name):
		return &BusinessError{BusinessBad, "name", "want small letters, digits and _ in words with dots between, such as feature.use"}
	}
	return nil
}

// IsBusinessName reports whether a text is words of small letters, digits and _,
// with dots between.
func IsBusinessName(name string) bool {
	for word := range strings.SplitSeq(name, ".") {
		if word == "" || word[0] >= '0' && word[0] <= '9' {
			return false
		}
		for _, c := range []byte(word) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
				return false
			}
		}
	}
	return true
}

func (b *Business) checkTime() *BusinessError {
	switch {
	case b.TimeNano == 0:
		return &BusinessError{BusinessMissing, "time", "say when it happened: an event that is sent again then says the same"}
	case b.TimeNano > math.MaxInt64:
		return &BusinessError{BusinessBad, "time", "it is beyond the year 2262"}
	}
	return nil
}

func (b *Business) checkIDs() *BusinessError {
	for _, f := range []struct{ field, text string }{{"id", b.ID}, {"session_id", b.SessionID}, {"user_id", b.UserID}} {
		if len(f.text) > MaxBusinessID {
			return &BusinessError{BusinessLarge, f.field, fmt.Sprintf("at most %d bytes", MaxBusinessID)}
		}
		if !utf8.ValidString(f.text) {
			return &BusinessError{BusinessBad, f.field, "it is no UTF-8"}
		}
	}
	return nil
}

func (b *Business) checkAttrs() *BusinessError {
	if len(b.Attrs) > MaxBusinessAttrs {
		return &BusinessError{BusinessLarge, "attrs", fmt.Sprintf("at most %d of them", MaxBusinessAttrs)}
	}
	for _, key := range slices.Sorted(maps.Keys(b.Attrs)) {
		switch value := b.Attrs[key]; {
		case key == "":
			return &BusinessError{BusinessBad, "attrs", "one has no name"}
		case len(key) > MaxBusinessAttrKey:
			return &BusinessError{BusinessLarge, "attrs", fmt.Sprintf("a name has at most %d bytes", MaxBusinessAttrKey)}
		case len(value) > MaxBusinessAttrValue:
			return &BusinessError{BusinessLarge, "attrs", fmt.Sprintf("a value has at most %d bytes", MaxBusinessAttrValue)}
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return &BusinessError{BusinessBad, "attrs", "one is no UTF-8"}
		}
	}
	return nil
}

func (b *Business) checkValue() *BusinessError {
	if b.Value.N > MaxAmount || b.Value.N < -MaxAmount {
		return &BusinessError{BusinessBad, "value", "want a number between -9e9 and 9e9"}
	}
	return nil
}

// checkDefinition holds a shipped event against what it is.
func (b *Business) checkDefinition() *BusinessError {
	d := BusinessDefinitionOf(b.Name)
	if d == nil {
		return nil
	}
	if d.Session && b.SessionID == "" {
		return &BusinessError{BusinessMissing, "session_id", b.Name + " is of a session"}
	}
	for _, a := range d.Attrs {
		value := b.Attrs[a.Name]
		switch field := "attrs." + a.Name; {
		case value == "" && a.Required:
			return &BusinessError{BusinessMissing, field, b.Name + " has to have it" + oneOf(a.Values)}
		case value != "" && a.Values != nil && !slices.Contains(a.Values, value):
			return &BusinessError{BusinessBad, field, "want one of " + strings.Join(a.Values, ", ")}
		}
	}
	if b.Name == NameFeedback {
		return b.checkFeedback()
	}
	return nil
}

func oneOf(values []string) string {
	if values == nil {
		return ""
	}
	return ": one of " + strings.Join(values, ", ")
}

// checkFeedback holds a value against its scale.
func (b *Business) checkFeedback() *BusinessError {
	if !b.Value.Set {
		return &BusinessError{BusinessMissing, "value", "feedback has to have it"}
	}
	var low, high int64
	switch b.Attrs[AttrKind] {
	case FeedbackThumbs:
		low, high = 0, 1
	case FeedbackCSAT:
		low, high = 1, 5
	case FeedbackNPS:
		low, high = 0, 10
	default:
		return nil
	}
	if n := b.Value.N; n%1e6 != 0 || n < low*1e6 || n > high*1e6 {
		return &BusinessError{BusinessBad, "value", fmt.Sprintf("want a whole number from %d to %d", low, high)}
	}
	return nil
}

// DerivedID is the id of an event that came without one: a hash of the rest of
// it. Sent again, it is the same.
func (b *Business) DerivedID(trace string) string {
	h := sha256.New()
	word := func(text string) { fmt.Fprintf(h, "%d:%s", len(text), text) }
	for _, text := range []string{b.Name, fmt.Sprint(b.TimeNano), trace, b.SessionID, b.UserID, fmt.Sprint(b.Value)} {
		word(text)
	}
	for _, key := range slices.Sorted(maps.Keys(b.Attrs)) {
		word(key)
		word(b.Attrs[key])
	}
	return "e-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// TraceOf reads a trace id as people have it, with MLflow's tr- or without: as
// Event has it. false: it is none.
func TraceOf(text string) (string, bool) {
	text = strings.ToLower(strings.TrimPrefix(text, "tr-"))
	id, ok := ParseTraceID(text)
	return text, ok && !id.IsZero()
}
