package semconv

import (
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// businessPrefix begins the names of log records that are business events of
// somebody's own; the shipped ones need no mark.
const businessPrefix = "business."

// LogBusiness begins the reasons why a log record with the name of a business
// event is not kept; the code of a schema.BusinessError ends them.
const LogBusiness = "business_event_"

func isBusiness(name string) bool {
	return strings.HasPrefix(name, businessPrefix) || schema.BusinessDefinitionOf(name) != nil
}

// business makes a business event of a log record: some attributes have places
// of their own, the others stay what they are. Its id is a function of the rest
// where it has none.
func business(r *schema.LogRecord) ([]schema.Event, string) {
	b := &schema.Business{Name: strings.Clone(r.EventName), TimeNano: r.TimeUnixNano, Attrs: map[string]string{}}
	for i := range r.Attrs {
		switch a := &r.Attrs[i]; a.Key {
		case "event.name":
		case "event.id", "log.record.uid":
			b.ID = text(a.Value)
		case "session.id", "gen_ai.conversation.id":
			b.SessionID = text(a.Value)
		case "user.id", "enduser.id":
			b.UserID = text(a.Value)
		case "value":
			if b.Value = amount(a.Value); !b.Value.Set {
				return nil, LogBusiness + schema.BusinessBad
			}
		default:
			b.Attrs[strings.Clone(a.Key)] = text(a.Value)
		}
	}
	body := contentOf(r, "")
	if r.Body.Type == schema.ValueString {
		body = strings.Clone(r.Body.Str)
	}
	if body != "" {
		b.Attrs["body"] = body
	}
	if err := b.Check(); err != nil {
		return nil, LogBusiness + err.Code
	}
	e := schema.Event{Kind: schema.EventBusiness, Business: b}
	if !r.TraceID.IsZero() {
		e.TraceID = r.TraceID.String()
	}
	if b.ID == "" {
		b.ID = b.DerivedID(e.TraceID)
	}
	return []schema.Event{e}, ""
}

// amount reads a number, or text that is one; not set: it is neither.
func amount(v schema.Value) schema.Amount {
	var number string
	switch v.Type {
	case schema.ValueInt:
		number = strconv.FormatInt(v.Int(), 10)
	case schema.ValueDouble:
		number = strconv.FormatFloat(v.Double(), 'f', -1, 64)
	case schema.ValueString:
		number = v.Str
	case schema.ValueBool:
		number = strconv.Itoa(map[bool]int{true: 1}[v.Bool()])
	default:
		return schema.Amount{}
	}
	n, ok := schema.ParseAmount(number)
	return schema.Amount{N: n, Set: ok}
}
