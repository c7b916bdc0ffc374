package otlp

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// frameBytes is the most that tag and length of a group add.
const frameBytes = 6

// Tags of the two repeated fields that pack writes itself.
const (
	tagResourceSpans = 1<<3 | wireLen
	tagScopeSpans    = 2<<3 | wireLen
)

// pack cuts the scanned spans into parts. It plans first, then sizes the output
// once, then writes: parts are slices of one buffer.
func (s *Splitter) pack(partitions int) {
	if len(s.spans) == 0 {
		return
	}
	s.sortByPartition(partitions)
	// budget bounds how much the parts repeat: together they stay below twice
	// the request and MaxSpanBytes, however its resources are laid out.
	budget := len(s.walker.src) + s.limits.MaxSpanBytes
	total := 0
	for p := range partitions {
		lo, hi := s.bounds[p], s.bounds[p+1]
		total += s.plan(int32(p), s.order[lo:hi], &budget)
	}
	s.out = slices.Grow(s.out[:0], total)
	for i := range s.parts {
		part := &s.parts[i]
		next := int(s.bounds[part.Partition])
		s.bounds[part.Partition] += int32(part.Spans)
		start := len(s.out)
		s.write(s.order[next : next+part.Spans])
		part.Value = s.out[start:len(s.out):len(s.out)]
		s.accepted += part.Spans
	}
}

// plan appends the parts of one partition, without their values, moves the
// spans it accepts to the front of order and returns the bytes they need.
func (s *Splitter) plan(partition int32, order []int32, budget *int) int {
	total, size, kept, count := 0, 0, 0, 0
	for _, i := range order {
		span := &s.spans[i]
		scope := &s.scopes[span.scope]
		resource := &s.resources[scope.resource]
		whole := int(resource.size) + int(scope.size) + 2*frameBytes
		body := int(span.end - span.start)
		extra := whole
		if count > 0 {
			extra = s.extra(order[kept-1], span.scope)
			if size+extra+body > max(s.limits.PackBytes, 4*whole) {
				s.parts = append(s.parts, Part{Partition: partition, Spans: count})
				size, count, extra = 0, 0, whole
			}
		}
		if whole > maxPrefixBytes || extra > *budget {
			s.rejected[atResourceTooLarge]++
			continue
		}
		*budget -= extra
		size += extra + body
		total += extra + body
		order[kept] = i
		kept++
		count++
	}
	if count > 0 {
		s.parts = append(s.parts, Part{Partition: partition, Spans: count})
	}
	return total
}

// extra is what a span of scope adds after span prev of the same part, beside
// itself.
func (s *Splitter) extra(prev, scope int32) int {
	was := s.spans[prev].scope
	if was == scope {
		return 0
	}
	n := int(s.scopes[scope].size) + frameBytes
	if r := s.scopes[scope].resource; r != s.scopes[was].resource {
		n += int(s.resources[r].size) + frameBytes
	}
	return n
}

// write appends one request of the given spans to out, grouped as they came.
func (s *Splitter) write(order []int32) {
	for len(order) > 0 {
		resource := s.scopes[s.spans[order[0]].scope].resource
		p := &s.resources[resource]
		size, n := int(p.size), 0
		for n < len(order) && s.scopes[s.spans[order[n]].scope].resource == resource {
			scopeSize, k := s.scopeGroup(order[n:])
			size += 1 + uvarintLen(scopeSize) + scopeSize
			n += k
		}
		s.out = append(s.out, tagResourceSpans)
		s.out = binary.AppendUvarint(s.out, uint64(size))
		s.copyRanges(s.resourceRanges[p.first:p.last])
		s.writeScopes(order[:n])
		order = order[n:]
	}
}

func (s *Splitter) writeScopes(order []int32) {
	for len(order) > 0 {
		p := &s.scopes[s.spans[order[0]].scope]
		size, n := s.scopeGroup(order)
		s.out = append(s.out, tagScopeSpans)
		s.out = binary.AppendUvarint(s.out, uint64(size))
		s.copyRanges(s.scopeRanges[p.first:p.last])
		for _, i := range order[:n] {
			s.out = append(s.out, s.walker.src[s.spans[i].start:s.spans[i].end]...)
		}
		order = order[n:]
	}
}

// scopeGroup is the size of the ScopeSpans that order begins with, and its
// number of spans.
func (s *Splitter) scopeGroup(order []int32) (size, n int) {
	scope := s.spans[order[0]].scope
	size = int(s.scopes[scope].size)
	for n < len(order) && s.spans[order[n]].scope == scope {
		span := &s.spans[order[n]]
		size += int(span.end - span.start)
		n++
	}
	return size, n
}

func (s *Splitter) copyRanges(ranges []byteRange) {
	for _, r := range ranges {
		s.out = append(s.out, s.walker.src[r.start:r.end]...)
	}
}

func uvarintLen(n int) int { return (bits.Len(uint(n)|1) + 6) / 7 }
