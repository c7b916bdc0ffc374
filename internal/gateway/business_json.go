package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// businessItem is an event as it was sent, or what is wrong with it.
type businessItem struct {
	event schema.Event
	flaw  *schema.BusinessError
}

// readBusiness reads a JSON object, or a list of them. The error is a
// *RefusalError for what is not even that; whatever else is wrong is with the
// item. Nothing of the body is kept.
func readBusiness(body []byte) ([]businessItem, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' && body[0] != '{' {
		return nil, refuse(ReasonMalformed, "want a JSON object, or a list of them")
	}
	in := json.NewDecoder(bytes.NewReader(body))
	listed := body[0] == '['
	if listed {
		if _, err := in.Token(); err != nil {
			return nil, notJSON(body, err)
		}
	}
	var items []businessItem
	for !listed && len(items) == 0 || listed && in.More() {
		if len(items) == maxBusinessItems {
			return nil, refuse(ReasonTooLarge, fmt.Sprintf("more than %d events: send smaller batches", maxBusinessItems))
		}
		var raw json.RawMessage
		if err := in.Decode(&raw); err != nil {
			return nil, notJSON(body, err)
		}
		items = append(items, businessOf(raw))
	}
	if listed {
		if _, err := in.Token(); err != nil {
			return nil, notJSON(body, err)
		}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(ReasonMalformed, fmt.Sprintf("not JSON: something follows at byte %d", in.InputOffset()))
	}
	return items, nil
}

// notJSON says where JSON ends to be some, and nothing of what is there.
func notJSON(body []byte, err error) error {
	at := int64(len(body))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	return refuse(ReasonMalformed, fmt.Sprintf("not JSON: it breaks off or goes wrong at byte %d", at))
}

// businessOf reads one event.
func businessOf(raw json.RawMessage) (item businessItem) {
	var fields map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &fields) != nil {
		item.flaw = &schema.BusinessError{Code: schema.BusinessType, Text: "want an object"}
		return item
	}
	b := new(schema.Business)
	item.event = schema.Event{Kind: schema.EventBusiness, Business: b}
	f := fieldReader{fields: fields}
	b.Name, b.ID, b.SessionID, b.UserID = f.text("name"), f.text("id"), f.text("session_id"), f.text("user_id")
	b.TimeNano, b.Value, b.Attrs = f.time("time"), f.amount("value"), f.attrs("attrs")
	item.event.TraceID = f.trace("trace_id")
	if item.flaw = f.end(); item.flaw == nil {
		item.flaw = b.Check()
	}
	if item.flaw == nil && b.ID == "" {
		b.ID = b.DerivedID(item.event.TraceID)
	}
	return item
}

// fieldReader reads the fields of an object and keeps the first thing that is
// wrong with one, in the order in which they are asked for.
type fieldReader struct {
	fields map[string]json.RawMessage
	asked  []string
	flaw   *schema.BusinessError
}

func (f *fieldReader) wrong(code, field, text string) {
	if f.flaw == nil {
		f.flaw = &schema.BusinessError{Code: code, Field: field, Text: text}
	}
}

// take gives a field's JSON; nil: it is not there, or null.
func (f *fieldReader) take(field string) json.RawMessage {
	f.asked = append(f.asked, field)
	if raw := f.fields[field]; string(raw) != "null" {
		return raw
	}
	return nil
}

// end says what is wrong with the object: a field, or that there is one more.
func (f *fieldReader) end() *schema.BusinessError {
	for name := range f.fields {
		if !slices.Contains(f.asked, name) {
			f.wrong(schema.BusinessUnknown, "", "there is a field other than name, id, session_id, user_id, time, value, attrs and trace_id")
		}
	}
	return f.flaw
}

func (f *fieldReader) text(field string) (text string) {
	if raw := f.take(field); raw != nil && json.Unmarshal(raw, &text) != nil {
		f.wrong(schema.BusinessType, field, "want text")
	}
	return text
}

func (f *fieldReader) trace(field string) string {
	text := f.text(field)
	if text == "" {
		return ""
	}
	id, ok := schema.TraceOf(text)
	if !ok {
		f.wrong(schema.BusinessBad, field, "want 32 hexadecimal digits, with or without tr- before them")
		return ""
	}
	return id
}

// maxMilli is the last instant that fits nanoseconds, in milliseconds.
const maxMilli = 1<<63/1_000_000 - 1

// time reads RFC 3339, or Unix milliseconds, as Unix nanoseconds.
func (f *fieldReader) time(field string) uint64 {
	raw := f.take(field)
	if raw == nil {
		return 0
	}
	if milli, err := strconv.ParseInt(string(raw), 10, 64); err == nil && milli > 0 && milli <= maxMilli {
		return uint64(milli) * 1_000_000
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil && at.Year() > 1970 && at.Year() < 2262 {
			return uint64(at.UnixNano())
		}
	}
	f.wrong(schema.BusinessBad, field, "want a time such as 2026-11-28T09:30:00Z, or Unix milliseconds")
	return 0
}

func (f *fieldReader) amount(field string) (a schema.Amount) {
	raw := f.take(field)
	if raw == nil {
		return a
	}
	if !isNumber(raw) {
		f.wrong(schema.BusinessType, field, "want a number")
		return a
	}
	n, ok := schema.ParseAmount(string(raw))
	if !ok {
		f.wrong(schema.BusinessBad, field, "want a number between -9e9 and 9e9, of at most 64 characters")
	}
	return schema.Amount{N: n, Set: ok}
}

func isNumber(raw json.RawMessage) bool { return raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' }

// attrs reads an object of texts; numbers and truth values become texts.
func (f *fieldReader) attrs(field string) map[string]string {
	raw := f.take(field)
	if raw == nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if raw[0] != '{' || json.Unmarshal(raw, &fields) != nil {
		f.wrong(schema.BusinessType, field, "want an object")
		return nil
	}
	out := make(map[string]string, len(fields))
	for key, value := range fields {
		switch {
		case string(value) == "null":
		case isNumber(value), value[0] == 't', value[0] == 'f':
			out[key] = string(value)
		default:
			var text string
			if json.Unmarshal(value, &text) != nil {
				f.wrong(schema.BusinessType, field, "its values are text, numbers, true and false")
				return nil
			}
			out[key] = text
		}
	}
	return out
}
