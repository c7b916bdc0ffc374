package corpus_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

// longest is how much of a text a golden shows.
const longest = 400

// field is a filled column of schema.GenAI.
type field struct{ name, text string }

// where is how content was found, not what it says.
var where = map[string]bool{"InputAttr": true, "OutputAttr": true}

// filled gives the columns of a span that say something, in the order in which
// they are declared.
func filled(g *schema.GenAI) []field {
	return filledOf(reflect.ValueOf(*g), nil)
}

func filledOf(v reflect.Value, out []field) []field {
	for i := range v.NumField() {
		name, value := v.Type().Field(i).Name, v.Field(i)
		switch x := value.Interface().(type) {
		case schema.Count:
			if x.Set {
				out = append(out, field{name, fmt.Sprint(x.N)})
			}
		case schema.Real:
			if x.Set {
				out = append(out, field{name, fmt.Sprint(x.V)})
			}
		case schema.Request:
			out = filledOf(value, out)
		default:
			if !value.IsZero() && !where[name] && (name != "Weight" || x != int64(schema.WeightOnce)) {
				out = append(out, field{name, fmt.Sprint(x)})
			}
		}
	}
	return out
}

// renderSpans writes a capture's spans as a tree, with the columns that are
// filled.
func renderSpans(list []normalized) []byte {
	var out bytes.Buffer
	depth := map[schema.SpanID]int{}
	for _, n := range list {
		d := 0
		if !n.span.ParentSpanID.IsZero() {
			d = depth[n.span.ParentSpanID] + 1
		}
		depth[n.span.SpanID] = d
		indent := strings.Repeat("  ", d)
		fmt.Fprintf(&out, "%s%s\n", indent, n.span.Name)
		for _, f := range filled(&n.genai) {
			fmt.Fprintf(&out, "%s  | %s: %s\n", indent, f.name, shortened(f.text))
		}
	}
	return out.Bytes()
}

// renderLogs writes what each log record says of a span.
func renderLogs(records []schema.LogRecord) []byte {
	var out bytes.Buffer
	for i := range records {
		r := &records[i]
		events, reason := semconv.LogEvents(r)
		fmt.Fprintf(&out, "%s of %s %s\n", r.EventName, r.SpanID.String(), reason)
		for _, e := range events {
			c := e.Content
			fmt.Fprintf(&out, "  | output %v, role %q, index %d: %s\n", c.Output, c.Role, c.Index, shortened(c.Body))
			fmt.Fprintf(&out, "  | session %q, attributes %v\n", c.SessionID, c.Attrs)
		}
	}
	return out.Bytes()
}

func shortened(text string) string {
	text = strings.ReplaceAll(text, "\n", `\n`)
	if runes := []rune(text); len(runes) > longest {
		return fmt.Sprintf("%s… (%d characters)", string(runes[:longest]), len(runes))
	}
	return text
}
