package main

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// stable replaces what differs from run to run: ids, times, the sink's port,
// durations, places in the machine's file system. Equal originals get equal
// replacements, numbered in the order in which they are met.
type stable struct {
	host, port string
	ids        map[string]string // hexadecimal and UUIDs
	traces     uint64
	spans      uint64
	others     int
}

const (
	stableHost = "127.0.0.1:8080"
	stablePort = 8080
	// epoch is when every recording begins: 2026-01-01, in nanoseconds; step
	// parts what happens one after the other.
	epoch = 1_767_225_600_000_000_000
	step  = 1_000_000
)

func newStable(address string) (*stable, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return &stable{host: u.Host, port: u.Port(), ids: make(map[string]string)}, nil
}

func (s *stable) trace(id pcommon.TraceID) pcommon.TraceID {
	if id.IsEmpty() {
		return id
	}
	text, ok := s.ids[id.String()]
	if !ok {
		s.traces++
		text = fmt.Sprintf("7ace%028x", s.traces)
		s.ids[id.String()] = text
	}
	var out pcommon.TraceID
	if _, err := hex.Decode(out[:], []byte(text)); err != nil {
		panic(err) // our own format
	}
	return out
}

func (s *stable) span(id pcommon.SpanID) pcommon.SpanID {
	if id.IsEmpty() {
		return id
	}
	text, ok := s.ids[id.String()]
	if !ok {
		s.spans++
		text = fmt.Sprintf("59a4%012x", s.spans)
		s.ids[id.String()] = text
	}
	var out pcommon.SpanID
	if _, err := hex.Decode(out[:], []byte(text)); err != nil {
		panic(err) // our own format
	}
	return out
}

var (
	hexID    = regexp.MustCompile(`\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b`)
	uuid     = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	httpDate = regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT`)
	instant  = regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?`)
	address  = regexp.MustCompile(`\b0x[0-9a-f]{6,}`)
	place    = regexp.MustCompile(`(/[\w.@+-]+)+/(site-packages|node_modules|tests/corpus|lib/python[\d.]+)/`)
)

// text replaces inside a value.
func (s *stable) text(value string) string {
	value = strings.ReplaceAll(value, s.host, stableHost)
	value = uuid.ReplaceAllStringFunc(value, s.uuid)
	value = hexID.ReplaceAllStringFunc(value, func(id string) string {
		if known, ok := s.ids[id]; ok {
			return known
		}
		return id // an answer's: the fakes make the same ones again
	})
	value = httpDate.ReplaceAllString(value, "Thu, 01 Jan 2026 00:00:00 GMT")
	value = instant.ReplaceAllString(value, "2026-01-01T00:00:00Z")
	value = address.ReplaceAllString(value, "0x0")
	return place.ReplaceAllString(value, "$2/")
}

func (s *stable) uuid(id string) string {
	known, ok := s.ids[id]
	if !ok {
		s.others++
		known = fmt.Sprintf("00000000-0000-4000-8000-%012d", s.others)
		s.ids[id] = known
	}
	return known
}

// measured are numbers that no two runs have alike, and what they become.
var measured = map[string]any{
	"ai.response.msToFirstChunk":                  10.0,
	"ai.response.msToFinish":                      20.0,
	"ai.response.avgOutputTokensPerSecond":        100.0,
	"ai.stream.msToFirstChunk":                    10.0,
	"gen_ai.response.time_to_first_chunk":         0.01,
	"gen_ai.server.time_to_first_token":           0.01,
	"llm.latency.time_to_first_token":             0.01,
	"gen_ai.client.operation.time_to_first_chunk": 0.01,
	"mlflow.spanStartTimeNs":                      int64(epoch),
	"exception.stacktrace":                        "a stack",
	"host.name":                                   "host",
	"service.instance.id":                         "instance",
	"process.pid":                                 int64(1),
	"thread.id":                                   int64(1),
	"thread.name":                                 "thread",
}

func (s *stable) attributes(m pcommon.Map) {
	for key, value := range m.All() {
		fixed, ok := measured[key]
		if !ok {
			s.value(value)
			continue
		}
		if err := value.FromRaw(fixed); err != nil {
			panic(err) // our own table
		}
	}
}

func (s *stable) value(v pcommon.Value) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		v.SetStr(s.text(v.Str()))
	case pcommon.ValueTypeInt:
		if strconv.FormatInt(v.Int(), 10) == s.port {
			v.SetInt(stablePort)
		}
	case pcommon.ValueTypeMap:
		s.attributes(v.Map())
	case pcommon.ValueTypeSlice:
		for _, item := range v.Slice().All() {
			s.value(item)
		}
	default:
	}
}
