package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Record headers of dead letters. A re-driven record keeps HeaderOrigin,
// HeaderSpans, HeaderReceived and HeaderReason, which tell of its first life.
const (
	// HeaderReason says why a record became a dead letter.
	HeaderReason = "reason"
	// HeaderError is the error text that goes with HeaderReason.
	HeaderError = "error"
	// HeaderOrigin says where a dead letter came from: Origin's text form. A
	// dead letter that was re-driven and failed again keeps its first origin.
	HeaderOrigin = "origin"
	// HeaderSpans lists the spans that a dead letter stands for, as Indices has
	// it: the others of its record are stored, or resends. Without it, all.
	HeaderSpans = "spans"
	// HeaderOmitted is "value" on a dead letter whose record was too large to be
	// copied; it still stands at its origin for as long as that topic keeps it.
	HeaderOmitted = "omitted"
	// HeaderReceived is the received time of a dead letter's original record
	// in Unix milliseconds, decimal text.
	HeaderReceived = "received"
)

// ReasonRejected is the reason of a dead letter whose spans were whole and
// counted, and that the store would not take. A re-driven record keeps it, so
// that they are not counted again.
const ReasonRejected = "store_rejected"

// DeadLetterHeader reports whether a header tells of the dead letter rather
// than of the record that it was.
func DeadLetterHeader(key string) bool {
	switch key {
	case HeaderReason, HeaderError, HeaderOrigin, HeaderSpans, HeaderOmitted, HeaderReceived:
		return true
	}
	return false
}

// Origin names a record, or one span of it, for ever.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Index     int32 // -1: the whole record
}

// String is "topic/partition/offset/index".
func (o Origin) String() string {
	return fmt.Sprintf("%s/%d/%d/%d", o.Topic, o.Partition, o.Offset, o.Index)
}

// ParseOrigin reads String's form, and nothing else: a stranger's header may
// have any text.
func ParseOrigin(s string) (Origin, error) {
	var o Origin
	fields := strings.Split(s, "/")
	if len(fields) == 4 && fields[0] != "" {
		partition, err1 := strconv.ParseInt(fields[1], 10, 32)
		offset, err2 := strconv.ParseInt(fields[2], 10, 64)
		index, err3 := strconv.ParseInt(fields[3], 10, 32)
		if err1 == nil && err2 == nil && err3 == nil && partition >= 0 && offset >= 0 && index >= -1 {
			return Origin{fields[0], int32(partition), offset, int32(index)}, nil
		}
	}
	return o, fmt.Errorf("parse origin %q: want topic/partition/offset/index", s)
}

// Indices is a set of span indices of one record, as closed ranges in order.
type Indices []IndexRange

// IndexRange is a closed range.
type IndexRange struct{ First, Last uint32 }

// With is the set, no longer to be used, and an index greater than all in it.
func (x Indices) With(i uint32) Indices {
	if n := len(x); n > 0 && x[n-1].Last+1 == i {
		x[n-1].Last = i
		return x
	}
	return append(x, IndexRange{i, i})
}

// Contains reports whether i is in the set.
func (x Indices) Contains(i uint32) bool {
	return slices.ContainsFunc(x, func(r IndexRange) bool { return r.First <= i && i <= r.Last })
}

// String is such as "0-3,7".
func (x Indices) String() string {
	var b strings.Builder
	for i, r := range x {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", r.First)
		if r.Last > r.First {
			fmt.Fprintf(&b, "-%d", r.Last)
		}
	}
	return b.String()
}

// ParseIndices reads String's form.
func ParseIndices(s string) (Indices, error) {
	var x Indices
	for field := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(field, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 32)
		b, err2 := strconv.ParseUint(last, 10, 32)
		if err1 != nil || err2 != nil || b < a {
			return nil, fmt.Errorf("parse indices %q: want such as 0-3,7", s)
		}
		x = append(x, IndexRange{uint32(a), uint32(b)})
	}
	return x, nil
}
