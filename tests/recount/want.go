package recount

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/internal/demo"
)

// Key names one metric of one series in one pane: "view{labels} pane metric".
type Key string

func keyOf(view string, labels []string, pane int64, metric string) Key {
	return Key(fmt.Sprintf("%s{%s} %d %s", view, strings.Join(labels, ","), pane, metric))
}

// series is the key without its pane and metric.
func (k Key) series() string {
	name, _, _ := strings.Cut(string(k), "} ")
	return name
}

// metric is the last word.
func (k Key) metric() string { return string(k[strings.LastIndexByte(string(k), ' ')+1:]) }

// Want is what the generator knows of all metrics that spans tell.
type Want struct {
	// Spans is how many there are, Late how many of them came late.
	Spans, Late int

	cells     map[Key]*cell
	different map[Key]map[string]bool // users and sessions
	children  map[string][]work       // by trace and parent
	works     []work
}

// cell is what one metric of one series must be in one pane.
type cell struct {
	values []int64 // in no order
	sum    int64
}

// work is a span's time, and the series that its self time belongs to.
type work struct {
	id                string
	start, end        uint64
	pane              int64
	service, kind, is string
}

// NewWant knows nothing.
func NewWant() *Want {
	return &Want{cells: map[Key]*cell{}, different: map[Key]map[string]bool{}, children: map[string][]work{}}
}

// place is a series and a pane.
type place struct {
	view   string
	labels []string
	pane   int64
}

func (w *Want) add(at place, metric string, v int64) {
	k := keyOf(at.view, at.labels, at.pane, metric)
	c := w.cells[k]
	if c == nil {
		c = &cell{}
		w.cells[k] = c
	}
	c.values = append(c.values, v)
	c.sum += v
}

// note adds to the different values of a metric; an empty one is none.
func (w *Want) note(at place, metric, value string) {
	if value == "" {
		return
	}
	k := keyOf(at.view, at.labels, at.pane, metric)
	if w.different[k] == nil {
		w.different[k] = map[string]bool{}
	}
	w.different[k][strings.Clone(value)] = true
}

var numbers = regexp.MustCompile(`[0-9]{3,}`)

// named is a name as a label: long numbers are not told apart.
func named(name string) string { return numbers.ReplaceAllString(name, "*") }

// What the generator's spans say in OTLP's words.
const (
	statusError = 2
	kindClient  = 3
)

// classes of the generator's errors.
var classes = map[string]string{
	"RateLimitError": "rate_limit", "APITimeoutError": "timeout", "ContentFilterError": "content_filter",
	"OverloadedError": "server", "ToolError": "tool",
}

// Count takes a span that was sent for the first time; late: more than ten
// minutes after its end.
func (w *Want) Count(s *demo.Span, late bool) {
	k := &s.Want
	w.Spans++
	if late {
		w.Late++
	}
	pane := int64(s.End/1e9) / 10 * 10
	took := int64(s.End - s.Start)
	service, failed := s.Resource.Service, s.Status == statusError
	for _, at := range []place{{"tenant", nil, pane}, {"service", []string{service}, pane}, {"experiment", []string{k.Experiment}, pane}} {
		w.overview(at, s, late)
	}
	w.timing(place{"kind", []string{service, k.Kind}, pane}, took, failed)
	w.timing(place{"component", []string{service, k.Kind, named(s.Name)}, pane}, took, failed)
	if failed {
		w.add(place{"error", []string{service, k.Kind, classes[k.ErrorType]}, pane}, "span_errors", 1)
	}
	w.call(s, pane, took, failed)
	tool := named(cmp.Or(k.Tool, s.Name))
	switch {
	case k.Kind == "TOOL":
		w.timing(place{"tool", []string{tool}, pane}, took, failed)
		w.timing(place{"dependency", []string{tool}, pane}, took, failed)
	case k.Kind == "RETRIEVER", k.Kind == "UNKNOWN" && s.Kind == kindClient:
		w.timing(place{"dependency", []string{named(s.Name)}, pane}, took, failed)
	}
	w.remember(s, pane)
}

// overview is what can be asked of whatever whole traces belong to.
func (w *Want) overview(at place, s *demo.Span, late bool) {
	failed := s.Status == statusError
	w.add(at, "spans", 1)
	if failed {
		w.add(at, "span_errors", 1)
	}
	if late {
		w.add(at, "late_spans", 1)
	}
	if s.ParentID == [8]byte{} {
		w.add(at, "trace_latency", int64(s.End-s.Start))
		if failed {
			w.add(at, "trace_errors", 1)
		}
	}
	w.note(at, "users", s.Want.UserID)
	w.note(at, "sessions", s.Want.SessionID)
	w.tokens(at, &s.Want)
}

func (w *Want) timing(at place, took int64, failed bool) {
	w.add(at, "span_duration", took)
	if failed {
		w.add(at, "span_errors", 1)
	}
}

// call is what a model call tells.
func (w *Want) call(s *demo.Span, pane, took int64, failed bool) {
	k := &s.Want
	if !k.Billable {
		return
	}
	model := []string{k.Provider, k.Model()}
	at := place{"model", model, pane}
	w.timing(at, took, failed)
	w.tokens(at, k)
	if failed {
		w.add(place{"model_error", append(slices.Clone(model), classes[k.ErrorType]), pane}, "span_errors", 1)
	}
	if k.Finish != "" {
		w.add(place{"finish", append(slices.Clone(model), k.Finish), pane}, "finished", 1)
	}
	if k.FirstToken >= 0 {
		w.add(at, "time_to_first_token", k.FirstToken)
	}
	if talked := took - max(k.FirstToken, 0); k.OutputTokens >= 0 && talked > 0 {
		rate := new(big.Int).Mul(big.NewInt(k.OutputTokens), big.NewInt(1e15))
		w.add(at, "output_tokens_per_second", rate.Div(rate, big.NewInt(talked)).Int64())
	}
}

func (w *Want) tokens(at place, k *demo.Want) {
	if !k.Billable {
		return
	}
	total := k.TotalTokens
	if total < 0 && (k.InputTokens >= 0 || k.OutputTokens >= 0) {
		total = max(k.InputTokens, 0) + max(k.OutputTokens, 0)
	}
	for metric, n := range map[string]int64{
		"input_tokens": k.InputTokens, "output_tokens": k.OutputTokens, "total_tokens": total,
		"cache_read_tokens": k.CacheReadTokens, "reasoning_tokens": k.ReasoningTokens,
	} {
		if n >= 0 {
			w.add(at, metric, n)
		}
	}
}

// remember keeps what the self time of a span and of its parent is made of.
func (w *Want) remember(s *demo.Span, pane int64) {
	it := work{
		fmt.Sprintf("%x/%x", s.TraceID, s.SpanID), s.Start, s.End, pane, s.Resource.Service,
		strings.Clone(s.Want.Kind), strings.Clone(named(s.Name)),
	}
	w.works = append(w.works, it)
	parent := fmt.Sprintf("%x/%x", s.TraceID, s.ParentID)
	w.children[parent] = append(w.children[parent], it)
}

// SelfTimes counts what is left of each span without its children. It is for
// when all spans were counted.
func (w *Want) SelfTimes() {
	for _, s := range w.works {
		children := slices.Clone(w.children[s.id])
		slices.SortFunc(children, func(a, b work) int { return cmp.Compare(a.start, b.start) })
		self, at := s.end-s.start, s.start
		for _, c := range children {
			from, to := max(c.start, at), min(c.end, s.end)
			if to > from {
				self -= to - from
				at = to
			}
		}
		w.add(place{"kind", []string{s.service, s.kind}, s.pane}, "self_time", int64(self))
		w.add(place{"component", []string{s.service, s.kind, s.is}, s.pane}, "self_time", int64(self))
	}
	w.works, w.children = nil, nil
}
