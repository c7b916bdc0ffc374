package mlflow_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// symbols names what a server makes up by where it appears first: ids and page
// tokens in their order, <experiment#1>, <assessment#2>; times by the exchange
// and their order in it, <time#3.1>, so that one more or less does not rename
// those after it; a time inside a text is <time>. It names times that a client chose by
// their distance from a base: <ms+1500>, <ns+1500000000>, <rfc+1500>.
//
// fill is the way back, for requests that are kept with names.
type symbols struct {
	// base is what the client's times are counted from; recent is when the
	// server's begin.
	base, recent time.Time

	names  map[string]string // by value
	values map[string]string // by name
	counts map[string]int
	sent   strings.Builder // every request so far
	// exchange counts them; times is how many that one had so far.
	exchange, times int
}

// The client's times begin so long before the conversation and are within span
// of that; the server's are its own, and it may have started a while before.
const (
	ago  = 2 * time.Hour
	span = time.Hour
)

func newSymbols(began time.Time) *symbols {
	return &symbols{
		base: began.Add(-ago).Truncate(time.Second), recent: began.Add(span - ago),
		names: map[string]string{}, values: map[string]string{}, counts: map[string]int{},
	}
}

// made are the fields whose values a server makes up, and the name's kind.
var made = map[string]string{
	"experiment_id": "experiment", "assessment_id": "assessment", "request_id": "request",
	"next_page_token": "token",
}

// short values are found only where an experiment's id is expected: the real
// server's are 1, 2, 3.
const short = 12

func (s *symbols) begin() { s.exchange, s.times = s.exchange+1, 0 }

func (s *symbols) requested(text string) { s.sent.WriteString(text + "\n") }

// learn finds what the server made up in a reply.
func (s *symbols) learn(reply any) {
	switch v := reply.(type) {
	case []any:
		for _, inner := range v {
			s.learn(inner)
		}
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			text := scalar(v[field])
			kind := made[field]
			switch {
			case kind == "token" && text != "": // opaque: another one in each page, whether it looks alike or not
				s.add(kind, text)
			case kind == "" || text == "" || text == "0" || s.names[text] != "":
			case kind != "experiment" && strings.Contains(s.sent.String(), text): // the client made it
			default:
				s.add(kind, text)
			}
			s.learn(v[field])
		}
	}
}

func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (s *symbols) add(kind, value string) {
	s.counts[kind]++
	name := fmt.Sprintf("<%s#%d>", kind, s.counts[kind])
	s.names[value], s.values[name] = name, value
}

// name gives a value in which all that is made up has its name.
func (s *symbols) name(value any) any {
	switch v := value.(type) {
	case map[string]any:
		named := make(map[string]any, len(v))
		for _, field := range slices.Sorted(maps.Keys(v)) {
			if strings.HasPrefix(field, "experiment_id") && s.names[scalar(v[field])] != "" {
				named[field] = s.names[scalar(v[field])]
				continue
			}
			named[s.text(field)] = s.name(v[field])
		}
		return named
	case []any:
		named := make([]any, len(v))
		for i, inner := range v {
			named[i] = s.name(inner)
			if name := s.names[scalar(inner)]; strings.HasPrefix(name, "<experiment") {
				named[i] = name // experiment_ids
			}
		}
		return named
	case json.Number:
		if named := s.digits(v.String(), false); named != v.String() {
			return "number " + named
		}
	case string:
		return s.text(v)
	}
	return value
}

var (
	experimentInText = regexp.MustCompile(`(mlflow-artifacts:/|/artifacts/|experiment_ids?=|[Ee]xperiment with id=|[Ee]xperiment with ID '?|[Ee]xperiment id '?|[Ee]xperiment |artifact: ')([0-9]+)\b`)
	digitsInText     = regexp.MustCompile(`\b(1[0-9]{12}|1[0-9]{18})\b`)
	// A set as Python prints it: its order changes from one start to the next.
	setInText  = regexp.MustCompile(`\{'[^'{}]*'(, '[^'{}]*')+\}`)
	timeInText = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// text names what is made up inside a string.
func (s *symbols) text(text string) string {
	for _, value := range slices.Sorted(maps.Keys(s.names)) {
		if len(value) >= short {
			text = strings.ReplaceAll(text, value, s.names[value])
		}
	}
	text = experimentInText.ReplaceAllStringFunc(text, func(found string) string {
		parts := experimentInText.FindStringSubmatch(found)
		if name := s.names[parts[2]]; name != "" {
			return parts[1] + name
		}
		return found
	})
	whole := text
	text = digitsInText.ReplaceAllStringFunc(text, func(found string) string { return s.digits(found, found != whole) })
	return timeInText.ReplaceAllStringFunc(setsInOrder(text), func(found string) string {
		at, err := time.Parse(time.RFC3339Nano, found)
		if err != nil {
			return found
		}
		named := s.at(at, name{"rfc", at.Sub(s.base).Milliseconds(), found, found != whole})
		if filled := s.fill(named); filled != found && named != inText {
			return found // of another form than a client writes: it shows
		}
		return named
	})
}

// setsInOrder sorts the elements of sets.
func setsInOrder(text string) string {
	return setInText.ReplaceAllStringFunc(text, func(found string) string {
		elements := strings.Split(strings.Trim(found, "{}"), ", ")
		slices.Sort(elements)
		return "{" + strings.Join(elements, ", ") + "}"
	})
}

// name is what a time is to be named by: its unit and distance from the base, as
// it was written, alone or inside a text.
type name struct {
	unit   string
	offset int64
	text   string
	inside bool
}

// inText is the name of a server's time inside a text.
const inText = "<time>"

// digits names a number that is a time in milliseconds or nanoseconds.
func (s *symbols) digits(text string, inside bool) string {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return text
	case len(text) == 13:
		return s.at(time.UnixMilli(n), name{"ms", n - s.base.UnixMilli(), text, inside})
	case len(text) == 19:
		return s.at(time.Unix(0, n), name{"ns", n - s.base.UnixNano(), text, inside})
	}
	return text
}

func (s *symbols) at(at time.Time, n name) string {
	switch {
	case !at.Before(s.base) && at.Before(s.base.Add(span)):
		return fmt.Sprintf("<%s+%d>", n.unit, n.offset)
	case at.Before(s.recent) || at.After(time.Now().Add(time.Minute)):
		return n.text
	case s.names[n.text] != "":
		return s.names[n.text]
	case n.inside:
		return inText
	}
	s.times++
	named := fmt.Sprintf("<time#%d.%d>", s.exchange, s.times)
	s.names[n.text], s.values[named] = named, n.text
	return named
}

var symbol = regexp.MustCompile(`"<(?:ms|ns)\+\d+>"|<(?:ms|ns|rfc)\+\d+>|<[a-z]+#[\d.]+>`)

// fill gives a text with values for names. A quoted <ms+…> or <ns+…> becomes a
// number.
func (s *symbols) fill(text string) string {
	return symbol.ReplaceAllStringFunc(text, func(found string) string {
		inner := strings.Trim(found, `"<>`)
		unit, offset, relative := strings.Cut(inner, "+")
		if !relative {
			if value, ok := s.values[found]; ok {
				return value
			}
			return found
		}
		n, err := strconv.ParseInt(offset, 10, 64)
		if err != nil {
			return found
		}
		switch unit {
		case "ms":
			return strconv.FormatInt(s.base.UnixMilli()+n, 10)
		case "ns":
			return strconv.FormatInt(s.base.UnixNano()+n, 10)
		}
		return rfc3339(s.base.Add(time.Duration(n) * time.Millisecond))
	})
}

// rfc3339 writes a time as protobuf's JSON does: no fraction, or three digits.
func rfc3339(at time.Time) string {
	if at.Nanosecond() == 0 {
		return at.UTC().Format("2006-01-02T15:04:05Z")
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z")
}
