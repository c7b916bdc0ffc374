package aggregator

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/spanmill/spanmill/internal/aggregator/custom"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// verdict is whether an assessment passes.
type verdict uint8

const (
	undecided verdict = iota
	fail
	pass
)

func (v verdict) String() string {
	switch v {
	case fail:
		return rollup.VerdictFail
	case pass:
		return rollup.VerdictPass
	case undecided:
	}
	return "undecided"
}

// reading is what an assessment's value says.
type reading struct {
	score   int64 // millionths
	scored  bool
	verdict verdict // of its own: yes, true and pass; no, false and fail
	word    string  // a value that is a word or two
}

// maxWord bounds the values that are taken for categories: what is longer is a
// text that somebody wrote, and no label.
const maxWord = 32

// readingOf reads a value's JSON, as view assessments_latest does. refused: it is
// a number that no sum could hold many of.
func readingOf(value string) (r reading, refused bool) {
	switch value {
	case "true", `"yes"`, `"pass"`:
		r = reading{score: 1_000_000, scored: true, verdict: pass}
	case "false", `"no"`, `"fail"`:
		r = reading{scored: true, verdict: fail}
	case "", "null":
		return r, false
	}
	switch c := value[0]; {
	case c == '-' || c >= '0' && c <= '9':
		n, ok := schema.ParseAmount(value)
		return reading{score: n, scored: ok}, !ok
	case c == '"':
		var text string
		if json.Unmarshal([]byte(value), &text) == nil && isWord(text) {
			r.word = text
		}
	case r.scored:
		r.word = value
	}
	return r, false
}

func isWord(text string) bool {
	return text != "" && len(text) <= maxWord && !strings.ContainsAny(text, "\r\n\t")
}

// scorers are what is known of assessments by their names.
type scorers map[string]scorer

// scorer is what is known of an assessment by its name.
type scorer struct {
	passAt  int64 // millionths; a score from here on passes
	decides bool  // passAt is set
	flags   metric
	on      verdict // what a flag is raised on
}

// shippedScorers look for harm and for personal data. metrics.yaml adds others.
var shippedScorers = scorers{
	"safety":          {flags: safetyViolation, on: fail},
	"is_safe":         {flags: safetyViolation, on: fail},
	"harmful":         {flags: safetyViolation, on: pass},
	"harmful_content": {flags: safetyViolation, on: pass},
	"toxic":           {flags: safetyViolation, on: pass},
	"pii":             {flags: piiFound, on: pass},
	"pii_detected":    {flags: piiFound, on: pass},
	"pii_leak":        {flags: piiFound, on: pass},
}

// scorersOf are the shipped ones, and those of metrics.yaml in place of them.
func scorersOf(set *custom.Set) scorers {
	if set == nil || len(set.Scorers) == 0 {
		return shippedScorers
	}
	all := make(scorers)
	maps.Copy(all, shippedScorers)
	for _, s := range set.Scorers {
		own := scorer{passAt: s.PassAt, decides: s.Decides, on: pass}
		if s.FlagOnFail {
			own.on = fail
		}
		switch s.Flags {
		case custom.Safety:
			own.flags = safetyViolation
		case custom.PII:
			own.flags = piiFound
		}
		all[label(s.Name)] = own
	}
	return all
}

// verdict is a reading's own, or what the scorer's threshold makes of its score.
func (s scorers) verdict(name string, r reading) verdict {
	switch known, there := s[name]; {
	case r.verdict != undecided || !r.scored || !there || !known.decides:
		return r.verdict
	case r.score >= known.passAt:
		return pass
	}
	return fail
}
