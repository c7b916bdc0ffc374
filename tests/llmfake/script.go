package llmfake

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// prompt is a request of any of the APIs.
type prompt struct {
	model  string
	system string
	// systemMark is a cache mark's time to live ("5m", "1h") after the system text.
	systemMark string
	turns      []turn
	tools      []tool
	// schema is that of the JSON object asked for; nil: text will do.
	schema json.RawMessage
	// maxTokens cuts the answer; 0: it does not.
	maxTokens int
	thinking  bool
	// seed names the answer: two equal requests are answered with equal ids.
	seed []byte
}

type turn struct {
	role string // user, assistant or tool
	text string
	// mark is a cache mark's time to live ("5m", "1h") at the turn's end.
	mark string
}

type tool struct {
	name   string
	schema json.RawMessage
}

// answer is what the script says, before an API words it.
type answer struct {
	id       string // hexadecimal; each API has its own prefix
	model    string
	thoughts string
	text     string
	calls    []call
	cut      bool // by maxTokens
	broken   bool // the connection goes half-way
	usage    usage
}

type call struct {
	id, name  string
	arguments json.RawMessage
}

// usage is inclusive: input counts what the cache read and wrote, output
// counts reasoning.
type usage struct {
	input, output, reasoning int
	blocks                   int // of the input: found in a cache of blocks
	read, written            int // of the input: found in, written to a cache of marks
	ttl                      string
}

// answers are the questions that the script knows.
var answers = map[string]string{
	"What is the capital of France?": "The capital of France is Paris.",
	"Où est le chat? 🐈":              "Le chat est sur le tapis. 🐈",
	"Think: what is 6 times 7?":      "6 times 7 is 42.",
}

// models are the snapshots that stand behind an alias; other models are
// themselves.
var models = map[string]string{
	"gpt-4o":            "gpt-4o-2024-08-06",
	"gpt-4o-mini":       "gpt-4o-mini-2024-07-18",
	"gpt-5-mini":        "gpt-5-mini-2025-08-07",
	"o3-mini":           "o3-mini-2025-01-31",
	"claude-sonnet-4-5": "claude-sonnet-4-5-20250929",
	"claude-haiku-4-5":  "claude-haiku-4-5-20251001",
}

const (
	thoughts       = "The user wants a short answer."
	reasoningSpent = 64
	turnTokens     = 4
	cacheBlock     = 128
	cacheFrom      = 1024
)

// reply follows the script; the failure, if not nil, is to be sent instead.
func reply(p prompt) (answer, *failure) {
	last := turn{role: "user"}
	if len(p.turns) > 0 {
		last = p.turns[len(p.turns)-1]
	}
	if f := scriptedFailure(last); f != nil {
		return answer{}, f
	}
	a := answer{id: seedID(p.seed), model: cmp.Or(models[p.model], p.model), broken: last.text == "break off"}
	switch {
	case last.role == "tool":
		a.text = "The tool says: " + last.text
	case len(p.tools) > 0:
		a.calls = []call{{id: a.id[:8], name: p.tools[0].name, arguments: example(p.tools[0].schema)}}
	case p.schema != nil:
		a.text = string(example(p.schema))
	default:
		a.text = cmp.Or(answers[last.text], "You said: "+last.text)
	}
	if p.thinking || strings.HasPrefix(p.model, "o") || strings.HasPrefix(p.model, "gpt-5") {
		a.thoughts = thoughts
	}
	if p.maxTokens > 0 && p.maxTokens < tokens(a.text) {
		a.text, a.cut = firstTokens(a.text, p.maxTokens), true
	}
	a.usage = count(p, a)
	return a, nil
}

func count(p prompt, a answer) usage {
	u := usage{output: tokens(a.text)}
	for _, c := range a.calls {
		u.output += tokens(c.name) + tokens(string(c.arguments))
	}
	if a.thoughts != "" {
		u.reasoning = reasoningSpent
		u.output += u.reasoning
	}
	if p.system != "" {
		u.input += turnTokens + tokens(p.system)
	}
	for _, t := range p.tools {
		u.input += tokens(t.name) + tokens(string(t.schema))
	}
	u.mark(p.systemMark, len(p.turns) > 1)
	for i, t := range p.turns {
		u.input += turnTokens + tokens(t.text)
		u.mark(t.mark, i < len(p.turns)-1)
	}
	if u.input >= cacheFrom {
		u.blocks = u.input / cacheBlock * cacheBlock
	}
	return u
}

// mark meets a cache mark: all before it was read if an earlier turn wrote it.
func (u *usage) mark(ttl string, earlier bool) {
	switch {
	case ttl == "":
	case earlier:
		u.read = u.input
	default:
		u.written, u.ttl = u.input-u.read, ttl
	}
}

func tokens(text string) int { return (utf8.RuneCountInString(text) + 3) / 4 }

func firstTokens(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), 4*n)])
}

// seedID gives 24 hexadecimal digits.
func seedID(seed []byte) string {
	h := fnv.New128a()
	h.Write(seed)
	digits := make([]byte, 0, 32)
	for _, b := range h.Sum(nil) {
		digits = append(digits, "0123456789abcdef"[b>>4], "0123456789abcdef"[b&15])
	}
	return string(digits[:24])
}

// example makes a value that fits a JSON schema, as far as tools need it.
func example(schema json.RawMessage) json.RawMessage {
	var s struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
		Enum       []json.RawMessage          `json:"enum"`
	}
	// What is no schema gets an empty object, as a model would try.
	if json.Unmarshal(schema, &s) != nil {
		return json.RawMessage("{}")
	}
	switch kind := strings.ToLower(s.Type); {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case kind == "array":
		return json.RawMessage("[" + string(example(s.Items)) + "]")
	case kind == "string":
		return json.RawMessage(`"text"`)
	case kind == "integer", kind == "number":
		return json.RawMessage("7")
	case kind == "boolean":
		return json.RawMessage("true")
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		value := example(s.Properties[name])
		if name == "city" {
			value = json.RawMessage(`"Paris"`)
		}
		fields = append(fields, strconv.Quote(name)+":"+string(value))
	}
	return json.RawMessage("{" + strings.Join(fields, ",") + "}")
}

// pieces cuts text as a stream does: after each space.
func pieces(text string) []string {
	if text == "" {
		return nil
	}
	return strings.SplitAfter(text, " ")
}
