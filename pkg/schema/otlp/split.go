package otlp

import (
	"math"
	"slices"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Reasons of Reject and of schema.Span.Invalid.
const (
	RejectTraceID      = "invalid_trace_id"
	RejectSpanID       = "invalid_span_id"
	RejectParentID     = "invalid_parent_span_id"
	RejectSpanTooLarge = "span_too_large"
	// RejectResourceTooLarge: resource and scope, which every part repeats, are
	// larger than 2 MiB, or repeating them for this span too would make the
	// parts of one request larger than its bound.
	RejectResourceTooLarge = "resource_too_large"
)

// Limits bound what Split makes. Zero fields take the defaults.
type Limits struct {
	// PackBytes is where a part is closed and the next begun, default 1 MiB. A
	// larger span is a part of its own; a resource larger than a quarter of it
	// stretches the part, so that copies never outweigh content.
	PackBytes int
	// MaxSpanBytes is the largest span accepted, default 16 MiB. A part is at
	// most 2 MiB and a little larger.
	MaxSpanBytes int
}

const (
	defaultPackBytes    = 1 << 20
	defaultMaxSpanBytes = 16 << 20
	// maxPrefixBytes bounds resource and scope of one span: with MaxSpanBytes
	// it keeps a record below the topics' 20 MiB.
	maxPrefixBytes = 2 << 20
	// keepBytes and keepSpans bound what a Splitter at rest holds: about 12 MiB.
	keepBytes = 4 << 20
	keepSpans = 1 << 16
)

// Part is a complete ExportTraceServiceRequest for one partition.
type Part struct {
	Partition int32
	Value     []byte
	Spans     int
}

// Reject counts spans refused for one reason.
type Reject struct {
	Reason string
	Count  int
}

// Splitter cuts requests into parts. It is reusable and keeps its memory; it is
// not safe for concurrent use.
type Splitter struct {
	limits Limits
	walker walker

	// What scan found. Ranges are contiguous per resource and per scope.
	resources      []prefix
	scopes         []prefix
	resourceRanges []byteRange
	scopeRanges    []byteRange
	spans          []spanRef

	// What pack made of it.
	order    []int32 // indexes in spans, by partition
	bounds   []int32 // order[bounds[p]:bounds[p+1]] is partition p
	out      []byte
	parts    []Part
	accepted int
	rejected [len(reasons)]int
	rejects  []Reject
}

// reasons in the order that Rejects reports.
var reasons = [...]string{RejectTraceID, RejectSpanID, RejectParentID, RejectSpanTooLarge, RejectResourceTooLarge}

const (
	atSpanTooLarge     = 3
	atResourceTooLarge = 4
)

type byteRange struct{ start, end uint32 }

// prefix is what comes with each span of a resource or scope: all fields of
// ResourceSpans but scope_spans, of ScopeSpans but spans, as ranges.
type prefix struct {
	first, last int32 // in resourceRanges or scopeRanges
	size        int32
	resource    int32 // of a scope: its index in resources
}

// spanRef is one accepted span: its whole field, tag included.
type spanRef struct {
	start, end uint32
	scope      int32
	partition  int32
}

// NewSplitter gives a Splitter; it allocates as it is used.
func NewSplitter(l Limits) *Splitter {
	if l.PackBytes <= 0 {
		l.PackBytes = defaultPackBytes
	}
	if l.MaxSpanBytes <= 0 {
		l.MaxSpanBytes = defaultMaxSpanBytes
	}
	return &Splitter{limits: l}
}

// Split checks a whole ExportTraceServiceRequest and builds its parts: one for
// each partition that has spans, or several where they exceed PackBytes. Spans
// that cannot be stored are counted in Rejects and their neighbours land.
// Unknown fields of ResourceSpans, ScopeSpans and below are kept.
//
// The error is a *FramingError, and then there are no parts, no accepted and
// no rejected spans. partitions must be at least 1. The request may be reused
// once Split returns; results are valid until the next Split or Reset.
func (s *Splitter) Split(request []byte, partitions int) error {
	s.begin()
	if len(request) > math.MaxInt32 {
		return &FramingError{math.MaxInt32, "request is too large"}
	}
	s.walker.src = alias(request)
	err := s.scan(partitions)
	if err == nil {
		s.pack(partitions)
	} else {
		s.begin()
	}
	s.walker = walker{}
	return err
}

// Parts are the requests to produce, by partition, in the order to produce them.
func (s *Splitter) Parts() []Part { return s.parts }

// Accepted is the number of spans in Parts.
func (s *Splitter) Accepted() int { return s.accepted }

// Rejects are the reasons that occurred, in fixed order.
func (s *Splitter) Rejects() []Reject {
	s.rejects = s.rejects[:0]
	for i, n := range s.rejected {
		if n > 0 {
			s.rejects = append(s.rejects, Reject{reasons[i], n})
		}
	}
	return s.rejects
}

// Reset ends the life of the results and lets go of memory that only an
// unusually large request needed.
func (s *Splitter) Reset() {
	s.begin()
	s.out = atMost(s.out, keepBytes)
	s.spans = atMost(s.spans, keepSpans)
	s.order = atMost(s.order, keepSpans)
	s.bounds = atMost(s.bounds, keepSpans)
	s.resources = atMost(s.resources, keepSpans)
	s.scopes = atMost(s.scopes, keepSpans)
	s.resourceRanges = atMost(s.resourceRanges, keepSpans)
	s.scopeRanges = atMost(s.scopeRanges, keepSpans)
	s.parts = atMost(s.parts, keepSpans)
}

func atMost[T any](s []T, n int) []T {
	if cap(s) > n {
		return nil
	}
	return s
}

func (s *Splitter) begin() {
	s.resources, s.scopes = s.resources[:0], s.scopes[:0]
	s.resourceRanges, s.scopeRanges = s.resourceRanges[:0], s.scopeRanges[:0]
	s.spans, s.order, s.out = s.spans[:0], s.order[:0], s.out[:0]
	clear(s.parts) // an old part may hold on to an out that was outgrown
	s.parts = s.parts[:0]
	s.accepted, s.rejected = 0, [len(reasons)]int{}
}

// scan walks the request and notes accepted spans with their resource and
// scope.
func (s *Splitter) scan(partitions int) error {
	w := &s.walker
	for pos, end := 0, len(w.src); pos < end; {
		f, err := w.next(msgRequest, pos, end)
		if err != nil {
			return err
		}
		if pos = f.hi; f.num == 1 {
			if err := s.scanResource(f.lo, f.hi, partitions); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Splitter) scanResource(pos, end, partitions int) error {
	w, spans, first := &s.walker, len(s.spans), len(s.resourceRanges)
	s.resources = append(s.resources, prefix{})
	for pos < end {
		f, err := w.next(msgResourceSpans, pos, end)
		if err != nil {
			return err
		}
		pos = f.hi
		if f.num == 2 {
			err = s.scanScope(f.lo, f.hi, partitions)
		} else {
			s.resourceRanges = extend(s.resourceRanges, first, f)
			err = s.descend(msgResourceSpans, f)
		}
		if err != nil {
			return err
		}
	}
	last := len(s.resources) - 1
	if len(s.spans) == spans {
		s.resources, s.resourceRanges = s.resources[:last], s.resourceRanges[:first]
		return nil
	}
	s.resources[last] = newPrefix(s.resourceRanges, first)
	return nil
}

func (s *Splitter) scanScope(pos, end, partitions int) error {
	w, spans, first := &s.walker, len(s.spans), len(s.scopeRanges)
	for pos < end {
		f, err := w.next(msgScopeSpans, pos, end)
		if err != nil {
			return err
		}
		pos = f.hi
		if f.num == 2 {
			err = s.scanSpan(f, partitions)
		} else {
			s.scopeRanges = extend(s.scopeRanges, first, f)
			err = s.descend(msgScopeSpans, f)
		}
		if err != nil {
			return err
		}
	}
	if len(s.spans) == spans {
		s.scopeRanges = s.scopeRanges[:first]
		return nil
	}
	p := newPrefix(s.scopeRanges, first)
	p.resource = int32(len(s.resources) - 1)
	s.scopes = append(s.scopes, p)
	return nil
}

func (s *Splitter) scanSpan(f field, partitions int) error {
	w := &s.walker
	w.ids = [3]string{}
	if err := w.walk(msgSpan, f.lo, f.hi, 0); err != nil {
		return err
	}
	if bad := badID(w.ids[0], w.ids[1], w.ids[2]); bad >= 0 {
		s.rejected[bad]++
		return nil
	}
	if f.hi-f.lo > s.limits.MaxSpanBytes {
		s.rejected[atSpanTooLarge]++
		return nil
	}
	var trace schema.TraceID
	copy(trace[:], w.ids[0])
	s.spans = append(s.spans, spanRef{
		start: uint32(f.at), end: uint32(f.hi),
		scope:     int32(len(s.scopes)),
		partition: schema.PartitionOf(trace, partitions),
	})
	return nil
}

// descend walks a field that the scan itself does not look into.
func (s *Splitter) descend(m message, f field) error {
	if f.num > maxMember || format[m][f.num].child == msgNone {
		return nil
	}
	return s.walker.walk(format[m][f.num].child, f.lo, f.hi, 0)
}

// badID is the index in reasons of what is wrong with a span's ids, or -1.
func badID(trace, span, parent string) int {
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	switch {
	case len(trace) != 16 || trace == zeros:
		return 0
	case len(span) != 8 || span == zeros[:8]:
		return 1
	case len(parent) != 0 && len(parent) != 8:
		return 2
	}
	return -1
}

// extend adds field f to the ranges of one prefix, which begin at first, and
// joins neighbours.
func extend(ranges []byteRange, first int, f field) []byteRange {
	if n := len(ranges); n > first && ranges[n-1].end == uint32(f.at) {
		ranges[n-1].end = uint32(f.hi)
		return ranges
	}
	return append(ranges, byteRange{uint32(f.at), uint32(f.hi)})
}

func newPrefix(ranges []byteRange, first int) prefix {
	p := prefix{first: int32(first), last: int32(len(ranges))}
	for _, r := range ranges[first:] {
		p.size += int32(r.end - r.start)
	}
	return p
}

// sortByPartition fills order and bounds: a counting sort, so spans of a
// partition stay in request order.
func (s *Splitter) sortByPartition(partitions int) {
	s.bounds = slices.Grow(s.bounds[:0], partitions+1)[:partitions+1]
	clear(s.bounds)
	for i := range s.spans {
		s.bounds[s.spans[i].partition+1]++
	}
	for p := range partitions {
		s.bounds[p+1] += s.bounds[p]
	}
	s.order = slices.Grow(s.order[:0], len(s.spans))[:len(s.spans)]
	for i := range s.spans {
		p := s.spans[i].partition
		s.order[s.bounds[p]] = int32(i)
		s.bounds[p]++
	}
	// Each bound has moved to its partition's end: shift them back.
	copy(s.bounds[1:], s.bounds[:partitions])
	s.bounds[0] = 0
}
