package main

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// captures gives what was exported, by signal, stable and laid out.
func (s *sink) captures() (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	stable, err := newStable(s.server.URL)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]byte)
	if len(s.traces) > 0 {
		if out["traces"], err = stable.allTraces(s.traces); err != nil {
			return nil, err
		}
	}
	if len(s.logs) > 0 {
		if out["logs"], err = stable.allLogs(s.logs); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// spanAt is a span with what surrounds it.
type spanAt struct {
	resource ptrace.ResourceSpans
	scope    ptrace.ScopeSpans
	span     ptrace.Span
}

// forest orders spans as they happened: roots by their start, and below each
// span its children by theirs. Spans are exported when they end, in batches.
type forest struct {
	stable   *stable
	children map[pcommon.SpanID][]spanAt
	known    map[pcommon.SpanID]bool
	clock    pcommon.Timestamp
	out      ptrace.Traces
}

func (s *stable) allTraces(requests []ptraceotlp.ExportRequest) ([]byte, error) {
	f := &forest{stable: s, children: make(map[pcommon.SpanID][]spanAt), known: make(map[pcommon.SpanID]bool), clock: epoch, out: ptrace.NewTraces()}
	var all []spanAt
	for _, request := range requests {
		for _, rs := range request.Traces().ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					all = append(all, spanAt{rs, ss, span})
					f.known[span.SpanID()] = true
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b spanAt) int {
		return int(int64(a.span.StartTimestamp()) - int64(b.span.StartTimestamp()))
	})
	var roots []spanAt
	for _, at := range all {
		if parent := at.span.ParentSpanID(); f.known[parent] {
			f.children[parent] = append(f.children[parent], at)
		} else {
			roots = append(roots, at)
		}
	}
	f.walk(roots)
	marshaler := ptrace.JSONMarshaler{}
	compact, err := marshaler.MarshalTraces(f.out)
	if err != nil {
		return nil, err
	}
	return layOut(compact)
}

func (f *forest) tick() pcommon.Timestamp {
	f.clock += step
	return f.clock
}

func (f *forest) walk(spans []spanAt) {
	for _, at := range spans {
		original := at.span.SpanID()
		out := f.place(at).AppendEmpty()
		at.span.CopyTo(out)
		out.SetTraceID(f.stable.trace(out.TraceID()))
		out.SetSpanID(f.stable.span(original))
		out.SetParentSpanID(f.stable.span(out.ParentSpanID()))
		out.SetStartTimestamp(f.tick())
		f.walk(f.children[original])
		f.events(out)
		for _, link := range out.Links().All() {
			link.SetTraceID(f.stable.trace(link.TraceID()))
			link.SetSpanID(f.stable.span(link.SpanID()))
			f.stable.attributes(link.Attributes())
		}
		f.stable.attributes(out.Attributes())
		out.SetName(f.stable.text(out.Name()))
		out.Status().SetMessage(f.stable.text(out.Status().Message()))
		out.SetEndTimestamp(f.tick())
	}
}

func (f *forest) events(span ptrace.Span) {
	for _, event := range span.Events().All() {
		event.SetTimestamp(f.tick())
		f.stable.attributes(event.Attributes())
	}
}

// place finds or makes the scope in the output that a span belongs to.
func (f *forest) place(at spanAt) ptrace.SpanSlice {
	for _, rs := range f.out.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			if ss.Scope().Name() == at.scope.Scope().Name() {
				return ss.Spans()
			}
		}
	}
	var rs ptrace.ResourceSpans
	if f.out.ResourceSpans().Len() == 0 {
		rs = f.out.ResourceSpans().AppendEmpty()
		at.resource.Resource().CopyTo(rs.Resource())
		rs.SetSchemaUrl(at.resource.SchemaUrl())
		f.stable.attributes(rs.Resource().Attributes())
	} else {
		rs = f.out.ResourceSpans().At(0) // one client, one resource
	}
	ss := rs.ScopeSpans().AppendEmpty()
	at.scope.Scope().CopyTo(ss.Scope())
	ss.SetSchemaUrl(at.scope.SchemaUrl())
	f.stable.attributes(ss.Scope().Attributes())
	return ss.Spans()
}

// allLogs orders records by their time. The ids of spans are those that
// allTraces gave: call it first.
func (s *stable) allLogs(requests []plogotlp.ExportRequest) ([]byte, error) {
	out := plog.NewLogs()
	for _, request := range requests {
		request.Logs().ResourceLogs().MoveAndAppendTo(out.ResourceLogs())
	}
	clock := pcommon.Timestamp(epoch)
	for _, rl := range out.ResourceLogs().All() {
		s.attributes(rl.Resource().Attributes())
		for _, sl := range rl.ScopeLogs().All() {
			sl.LogRecords().Sort(func(a, b plog.LogRecord) bool {
				return logTime(a) < logTime(b) || logTime(a) == logTime(b) && strings.Compare(a.EventName(), b.EventName()) < 0
			})
			for _, record := range sl.LogRecords().All() {
				clock += step
				if record.Timestamp() != 0 {
					record.SetTimestamp(clock)
				}
				record.SetObservedTimestamp(clock)
				record.SetTraceID(s.trace(record.TraceID()))
				record.SetSpanID(s.span(record.SpanID()))
				s.attributes(record.Attributes())
				s.value(record.Body())
			}
		}
	}
	marshaler := plog.JSONMarshaler{}
	compact, err := marshaler.MarshalLogs(out)
	if err != nil {
		return nil, err
	}
	return layOut(compact)
}

func logTime(r plog.LogRecord) pcommon.Timestamp {
	if r.Timestamp() != 0 {
		return r.Timestamp()
	}
	return r.ObservedTimestamp()
}
