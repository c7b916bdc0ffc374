package schema

import "fmt"

// EventsVersion is the format version of a record's value in topic events, both
// in HeaderVersion and in the value. Values of every version there ever was
// decode for ever.
const EventsVersion = "1"

// eventsVersion is EventsVersion as values have it.
const eventsVersion = 1

// MaxEvents bounds the events of one record: an event takes a byte there at
// least, and a hundred in memory.
const MaxEvents = 1 << 16

// EncodeEvents gives a record's value: [version, [event, …]] in msgpack. Events
// are maps by field name, of which zero ones are left out. Index and Invalid are
// not written.
func EncodeEvents(events []Event) ([]byte, error) {
	if len(events) > MaxEvents {
		return nil, fmt.Errorf("encode events: %d, at most %d fit a record", len(events), MaxEvents)
	}
	value, err := pack(func(p *packer) {
		p.do(p.out.EncodeArrayLen(2))
		p.do(p.out.EncodeUint(eventsVersion))
		p.do(p.out.EncodeArrayLen(len(events)))
		for i := range events {
			p.object(func() { events[i].pack(p) })
		}
	})
	if err != nil {
		return nil, fmt.Errorf("encode events: %w", err)
	}
	return value, nil
}

func (e *Event) pack(p *packer) {
	p.uint("kind", uint64(e.Kind))
	p.text("trace_id", e.TraceID)
	p.part("info", e.Info != nil, func() { e.Info.pack(p) })
	p.part("tag", e.Tag != nil, func() { e.Tag.pack(p) })
	p.part("assessment", e.Assessment != nil, func() { e.Assessment.pack(p) })
	p.part("content", e.Content != nil, func() { e.Content.pack(p) })
	p.part("business", e.Business != nil, func() { e.Business.pack(p) })
}

func (t *TraceInfo) pack(p *packer) {
	p.text("experiment_id", t.ExperimentID)
	p.text("client_request_id", t.ClientRequestID)
	p.int("request_ms", t.RequestMilli)
	p.count("duration_ms", t.DurationMilli)
	p.text("state", t.State)
	p.text("request_preview", t.RequestPreview)
	p.text("response_preview", t.ResponsePreview)
	p.texts("metadata", t.Metadata)
	p.texts("tags", t.Tags)
}

func (t *Tag) pack(p *packer) {
	p.text("key", t.Key)
	p.text("value", t.Value)
	p.flag("deleted", t.Deleted)
}

func (a *Assessment) pack(p *packer) {
	p.text("id", a.ID)
	p.uint("mask", uint64(a.Mask))
	p.flag("deleted", a.Deleted)
	p.text("name", a.Name)
	p.text("source_type", a.SourceType)
	p.text("source_id", a.SourceID)
	p.int("create_ms", a.CreateMilli)
	p.int("update_ms", a.UpdateMilli)
	p.text("type", a.Type)
	p.text("value", a.Value)
	p.flag("serialized", a.Serialized)
	p.part("error", a.Error != nil, func() {
		p.text("code", a.Error.Code)
		p.text("message", a.Error.Message)
		p.text("stack", a.Error.Stack)
	})
	p.text("rationale", a.Rationale)
	p.texts("metadata", a.Metadata)
	p.text("span_id", a.SpanID)
	p.text("overrides", a.Overrides)
	p.flag("valid", a.Valid)
}

func (c *Content) pack(p *packer) {
	p.text("span_id", c.SpanID)
	p.text("event_name", c.EventName)
	p.uint("time_ns", c.TimeNano)
	p.flag("output", c.Output)
	p.int("index", int64(c.Index))
	p.text("role", c.Role)
	p.text("body", c.Body)
	p.texts("attrs", c.Attrs)
	p.text("session_id", c.SessionID)
}

func (b *Business) pack(p *packer) {
	p.text("id", b.ID)
	p.text("name", b.Name)
	p.uint("time_ns", b.TimeNano)
	p.text("session_id", b.SessionID)
	p.text("user_id", b.UserID)
	p.amount("value", b.Value)
	p.texts("attrs", b.Attrs)
}
