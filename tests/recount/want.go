package recount

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/internal/demo"
)

// cell is what one metric of one series must be in one pane.
type cell struct {
	values []int64 // in no order
	sum    int64
	count  int64
}

// key names it: "view{labels} pane metric".
type key string

// want is what the generator knows of all metrics.
type want struct {
	cells map[key]*cell
	users map[int64]map[string]bool // by pane
	kids  map[string][]work         // by trace and parent
	spans []work
}

// work is a span's time, and the series that its self time belongs to.
type work struct {
	id                string
	start, end        uint64
	pane              int64
	service, kind, is string
}

func newWant() *want {
	return &want{cells: map[key]*cell{}, users: map[int64]map[string]bool{}, kids: map[string][]work{}}
}

func (w *want) add(view string, labels []string, pane int64, metric string, v int64) {
	k := keyOf(view, labels, pane, metric)
	c := w.cells[k]
	if c == nil {
		c = &cell{}
		w.cells[k] = c
	}
	c.values = append(c.values, v)
	c.sum += v
	c.count++
}

func keyOf(view string, labels []string, pane int64, metric string) key {
	return key(fmt.Sprintf("%s{%s} %d %s", view, strings.Join(labels, ","), pane, metric))
}

var numbers = regexp.MustCompile(`[0-9]{3,}`)

// named is a name as a label: long numbers are not told apart.
func named(name string) string { return numbers.ReplaceAllString(name, "*") }

const statusError = 2

// count takes a span that was sent for the first time.
func (w *want) count(s *demo.Span) {
	k := &s.Want
	pane := int64(s.End/1e9) / 10 * 10
	took := int64(s.End - s.Start)
	service, experiment := s.Resource.Service, k.Experiment
	failed := s.Status == statusError
	for _, of := range []struct {
		view   string
		labels []string
	}{{"tenant", nil}, {"service", []string{service}}, {"experiment", []string{experiment}}} {
		w.add(of.view, of.labels, pane, "spans", 1)
		if failed {
			w.add(of.view, of.labels, pane, "span_errors", 1)
		}
		if s.ParentID == [8]byte{} {
			w.add(of.view, of.labels, pane, "trace_latency", took)
			if failed {
				w.add(of.view, of.labels, pane, "trace_errors", 1)
			}
		}
		w.tokens(of.view, of.labels, pane, k)
	}
	w.timing("kind", []string{service, k.Kind}, pane, took, failed)
	w.timing("component", []string{service, k.Kind, named(s.Name)}, pane, took, failed)
	if k.Billable {
		w.timing("model", []string{k.Provider, k.Model()}, pane, took, failed)
		w.tokens("model", []string{k.Provider, k.Model()}, pane, k)
	}
	if k.Kind == "TOOL" {
		w.timing("tool", []string{named(cmp.Or(k.Tool, s.Name))}, pane, took, failed)
	}
	if k.UserID != "" {
		if w.users[pane] == nil {
			w.users[pane] = map[string]bool{}
		}
		w.users[pane][strings.Clone(k.UserID)] = true
	}
	it := work{
		fmt.Sprintf("%x/%x", s.TraceID, s.SpanID), s.Start, s.End, pane, service,
		strings.Clone(k.Kind), strings.Clone(named(s.Name)),
	}
	w.spans = append(w.spans, it)
	parent := fmt.Sprintf("%x/%x", s.TraceID, s.ParentID)
	w.kids[parent] = append(w.kids[parent], it)
}

func (w *want) timing(view string, labels []string, pane, took int64, failed bool) {
	w.add(view, labels, pane, "span_duration", took)
	if failed {
		w.add(view, labels, pane, "span_errors", 1)
	}
}

func (w *want) tokens(view string, labels []string, pane int64, k *demo.Want) {
	if !k.Billable {
		return
	}
	for metric, n := range map[string]int64{
		"input_tokens": k.InputTokens, "output_tokens": k.OutputTokens,
		"cache_read_tokens": k.CacheReadTokens, "reasoning_tokens": k.ReasoningTokens,
	} {
		if n >= 0 {
			w.add(view, labels, pane, metric, n)
		}
	}
}

// selfTimes counts what is left of each span without its children.
func (w *want) selfTimes() {
	for _, s := range w.spans {
		kids := slices.Clone(w.kids[s.id])
		slices.SortFunc(kids, func(a, b work) int { return cmp.Compare(a.start, b.start) })
		self, at := s.end-s.start, s.start
		for _, c := range kids {
			from, to := max(c.start, at), min(c.end, s.end)
			if to > from {
				self -= to - from
				at = to
			}
		}
		w.add("kind", []string{s.service, s.kind}, s.pane, "self_time", int64(self))
		w.add("component", []string{s.service, s.kind, s.is}, s.pane, "self_time", int64(self))
	}
}
