package alerts

import (
	"fmt"
	"slices"
	"strings"
)

// words of a summary that are not labels.
var summaryWords = []string{"value", "count", "limit", "window", "tenant", "rule"}

// text is a rule's summary for what it found: {name} stands for a label or for
// one of summaryWords. What no label has stays as it is.
func (r *Rule) text(v *verdict) string {
	pairs := []string{
		"{value}", r.worded(v.value), "{count}", fmt.Sprint(v.n), "{limit}", r.limits(), "{window}", r.Window.String(),
		"{tenant}", v.tenant, "{rule}", r.Name,
	}
	for _, l := range v.labels {
		pairs = append(pairs, "{"+l.Name+"}", l.Value)
	}
	return strings.NewReplacer(pairs...).Replace(r.Summary)
}

// limits are the rule's bounds as a text shows them.
func (r *Rule) limits() string {
	var out []string
	if r.Above.Set {
		out = append(out, r.worded(r.Above.Limit))
	}
	if r.Below.Set {
		out = append(out, r.worded(r.Below.Limit))
	}
	for _, b := range r.Burn {
		out = append(out, r.worded(b.Factor))
	}
	return strings.Join(out, ", ")
}

// strange gives the first {name} of a summary that stands for nothing, and its
// place in characters; -1: there is none.
func strange(summary string, by []string) (name string, at int) {
	for rest, passed := summary, 0; ; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return "", -1
		}
		end := strings.IndexByte(rest[open:], '}')
		if end < 0 {
			return rest[open:], len([]rune(summary[:passed+open]))
		}
		name := rest[open+1 : open+end]
		if !slices.Contains(summaryWords, name) && !slices.Contains(by, name) {
			return name, len([]rune(summary[:passed+open]))
		}
		rest, passed = rest[open+end:], passed+open+end
	}
}
