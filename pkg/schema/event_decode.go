package schema

import (
	"errors"
	"fmt"
	"math"
)

// Reasons why an event cannot be used (Event.Invalid).
const (
	// EventUnknown: a kind that this version does not know.
	EventUnknown = "unknown_kind"
	// EventEmpty: the member that its kind says is set is not there.
	EventEmpty = "no_content"
	// EventNoTrace: it is about a trace and does not say which.
	EventNoTrace = "no_trace_id"
	// EventNoKey: a tag without key, an assessment or a business event without id.
	EventNoKey = "no_key"
)

// errEventsVersion is wrapped by DecodeEvents for values of a later version.
var errEventsVersion = errors.New("events of a version that this binary does not know")

// DecodeEvents reads a record's value. Events that cannot be used say why
// (Invalid) and leave their neighbours alone; the error is for a value that is
// not even a list of events. Fields that this version does not know are skipped.
func DecodeEvents(value []byte) ([]Event, error) {
	u := newUnpacker(value)
	parts := u.length(u.in.DecodeArrayLen)
	version := u.uint()
	switch {
	case u.err != nil:
		return nil, fmt.Errorf("decode events: %w", u.err)
	case version != eventsVersion:
		return nil, fmt.Errorf("%w: %d", errEventsVersion, version)
	case parts < 2:
		return nil, errors.New("decode events: no list of events")
	}
	n := u.length(u.in.DecodeArrayLen)
	if n > MaxEvents {
		return nil, fmt.Errorf("decode events: %d of them, at most %d are a record", n, MaxEvents)
	}
	var events []Event
	for i := range n {
		var e Event
		u.object(e.unpack(u))
		if u.err != nil {
			return nil, fmt.Errorf("decode event %d: %w", i, u.err)
		}
		e.Index = uint32(i)
		e.Invalid = e.invalid()
		events = append(events, e)
	}
	for left := parts - 2; left > 0 && u.err == nil; left-- { // parts may be a lie of four billion
		u.skip(0)
	}
	if u.err == nil {
		if _, err := u.in.PeekCode(); err == nil {
			u.err = errors.New("bytes after the value")
		}
	}
	if u.err != nil {
		return nil, fmt.Errorf("decode events: %w", u.err)
	}
	return events, nil
}

// invalid is why the event cannot be used, "" if it can.
func (e *Event) invalid() string {
	var there, keyed bool
	switch e.Kind {
	case EventTraceInfo:
		there, keyed = e.Info != nil, true
	case EventTag:
		there = e.Tag != nil
		keyed = there && e.Tag.Key != ""
	case EventAssessment:
		there = e.Assessment != nil
		keyed = there && e.Assessment.ID != ""
	case EventTraceDeleted:
		there, keyed = true, true
	case EventContent:
		there, keyed = e.Content != nil, true
	case EventBusiness:
		there = e.Business != nil
		keyed = there && e.Business.ID != ""
	default:
		return EventUnknown
	}
	switch {
	case !there:
		return EventEmpty
	case e.TraceID == "" && e.Kind != EventContent && e.Kind != EventBusiness:
		return EventNoTrace
	case !keyed:
		return EventNoKey
	}
	return ""
}

func (e *Event) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "kind":
			e.Kind = EventKind(min(u.uint(), math.MaxUint8))
		case "trace_id":
			e.TraceID = u.text()
		case "info":
			e.Info = new(TraceInfo)
			u.object(e.Info.unpack(u))
		case "tag":
			e.Tag = new(Tag)
			u.object(e.Tag.unpack(u))
		case "assessment":
			e.Assessment = new(Assessment)
			u.object(e.Assessment.unpack(u))
		case "content":
			e.Content = new(Content)
			u.object(e.Content.unpack(u))
		case "business":
			e.Business = new(Business)
			u.object(e.Business.unpack(u))
		default:
			return false
		}
		return true
	}
}

func (t *TraceInfo) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "experiment_id":
			t.ExperimentID = u.text()
		case "client_request_id":
			t.ClientRequestID = u.text()
		case "request_ms":
			t.RequestMilli = u.int()
		case "duration_ms":
			t.DurationMilli = u.count()
		case "state":
			t.State = u.text()
		case "request_preview":
			t.RequestPreview = u.text()
		case "response_preview":
			t.ResponsePreview = u.text()
		case "metadata":
			t.Metadata = u.texts()
		case "tags":
			t.Tags = u.texts()
		default:
			return false
		}
		return true
	}
}

func (t *Tag) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "key":
			t.Key = u.text()
		case "value":
			t.Value = u.text()
		case "deleted":
			t.Deleted = u.flag()
		default:
			return false
		}
		return true
	}
}

func (a *Assessment) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "id":
			a.ID = u.text()
		case "mask":
			a.Mask = AssessmentField(u.uint()) & AssessmentAll
		case "deleted":
			a.Deleted = u.flag()
		case "name":
			a.Name = u.text()
		case "source_type":
			a.SourceType = u.text()
		case "source_id":
			a.SourceID = u.text()
		case "create_ms":
			a.CreateMilli = u.int()
		case "update_ms":
			a.UpdateMilli = u.int()
		default:
			return a.unpackJudgement(u, name)
		}
		return true
	}
}

// unpackJudgement reads the fields that say what was judged, and how.
func (a *Assessment) unpackJudgement(u *unpacker, name string) bool {
	switch name {
	case "type":
		a.Type = u.text()
	case "value":
		a.Value = u.text()
	case "serialized":
		a.Serialized = u.flag()
	case "error":
		a.Error = new(AssessmentError)
		u.object(a.Error.unpack(u))
	case "rationale":
		a.Rationale = u.text()
	case "metadata":
		a.Metadata = u.texts()
	case "span_id":
		a.SpanID = u.text()
	case "overrides":
		a.Overrides = u.text()
	case "valid":
		a.Valid = u.flag()
	default:
		return false
	}
	return true
}

func (e *AssessmentError) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "code":
			e.Code = u.text()
		case "message":
			e.Message = u.text()
		case "stack":
			e.Stack = u.text()
		default:
			return false
		}
		return true
	}
}

func (c *Content) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "span_id":
			c.SpanID = u.text()
		case "event_name":
			c.EventName = u.text()
		case "time_ns":
			c.TimeNano = u.uint()
		case "output":
			c.Output = u.flag()
		case "index":
			c.Index = int32(u.int())
		case "role":
			c.Role = u.text()
		case "body":
			c.Body = u.text()
		case "attrs":
			c.Attrs = u.texts()
		case "session_id":
			c.SessionID = u.text()
		default:
			return false
		}
		return true
	}
}

func (b *Business) unpack(u *unpacker) func(string) bool {
	return func(name string) bool {
		switch name {
		case "id":
			b.ID = u.text()
		case "name":
			b.Name = u.text()
		case "time_ns":
			b.TimeNano = u.uint()
		case "session_id":
			b.SessionID = u.text()
		case "user_id":
			b.UserID = u.text()
		case "value":
			b.Value = Amount{N: u.int(), Set: true}
		case "attrs":
			b.Attrs = u.texts()
		default:
			return false
		}
		return true
	}
}
