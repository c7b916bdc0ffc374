package otlp

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
)

func split(t *testing.T, l Limits, body []byte, partitions int) *Splitter {
	t.Helper()
	s := NewSplitter(l)
	if err := s.Split(body, partitions); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitRefusesBrokenFraming(t *testing.T) {
	t.Parallel()
	for _, c := range framingCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// A good span before and after must not land either.
			s := NewSplitter(Limits{})
			good := oneScope(spanField(traceA, spanA), lenField(2))
			if err := s.Split(good, 4); err != nil {
				t.Fatal(err)
			}
			for _, prefix := range [][]byte{nil, good} {
				var got *FramingError
				if err := s.Split(append(bytes.Clone(prefix), c.body...), 4); !errors.As(err, &got) {
					t.Fatalf("got %v", err)
				}
				if want := (FramingError{c.offset + len(prefix), c.reason}); *got != want {
					t.Errorf("got %+v, want %+v", *got, want)
				}
				if s.Accepted() != 0 || len(s.Parts()) != 0 || len(s.Rejects()) != 0 {
					t.Error("something is left of a refused request")
				}
			}
			var d Decoder
			if spans, err := d.Decode(c.body); err == nil || spans != nil {
				t.Errorf("Decode gave %d spans, %v", len(spans), err)
			}
		})
	}
}

func TestSplitRejectsBadIDsAndKeepsNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, span, reason string
	}{
		{"no trace id", lenField(2, lenField(2, spanB)), RejectTraceID},
		{"short trace id", spanField(traceB[1:], spanB), RejectTraceID},
		{"long trace id", spanField(traceB+"x", spanB), RejectTraceID},
		{"zero trace id", spanField(strings.Repeat("\x00", 16), spanB), RejectTraceID},
		{"no span id", lenField(2, lenField(1, traceB)), RejectSpanID},
		{"short span id", spanField(traceB, spanB[1:]), RejectSpanID},
		{"long span id", spanField(traceB, spanB+"x"), RejectSpanID},
		{"zero span id", spanField(traceB, strings.Repeat("\x00", 8)), RejectSpanID},
		{"short parent", spanField(traceB, spanB, lenField(4, "short")), RejectParentID},
		{"long parent", spanField(traceB, spanB, lenField(4, traceA)), RejectParentID},
		{"last trace id wins", spanField(traceB, spanB, lenField(1, "x")), RejectTraceID},
		{"empty parent", spanField(traceB, spanB, lenField(4)), ""},
		{"zero parent", spanField(traceB, spanB, lenField(4, strings.Repeat("\x00", 8))), ""},
		{"parent", spanField(traceB, spanB, lenField(4, spanA)), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := split(t, Limits{}, oneScope(spanField(traceA, spanA), c.span, spanField(traceA, spanB)), 1)
			want, accepted := []Reject{{c.reason, 1}}, 2
			if c.reason == "" {
				want, accepted = []Reject{}, 3
			}
			if diff := cmp.Diff(want, append([]Reject{}, s.Rejects()...)); diff != "" {
				t.Error(diff)
			}
			if s.Accepted() != accepted {
				t.Errorf("accepted %d", s.Accepted())
			}
		})
	}
}

func TestSplitBounds(t *testing.T) {
	t.Parallel()
	span := spanField(traceA, spanA, lenField(5, strings.Repeat("n", 1000)))
	content := len(span) - 3 // tag and two bytes of length
	for _, c := range []struct {
		name     string
		body     []byte
		max      int
		rejects  []Reject
		accepted int
	}{
		{"as large as allowed", oneScope(span, spanField(traceA, spanB)), content, nil, 2},
		{"one byte larger", oneScope(span, spanField(traceA, spanB)), content - 1, []Reject{{RejectSpanTooLarge, 1}}, 1},
		{
			"huge resource", append([]byte(lenField(1, lenField(1, stringAttr(1, "k", strings.Repeat("v", maxPrefixBytes))),
				lenField(2, span, span))), oneScope(spanField(traceB, spanA))...), 0, []Reject{{RejectResourceTooLarge, 2}}, 1,
		},
		{"empty request", nil, 0, nil, 0},
		{"resource without spans", []byte(lenField(1, lenField(1, stringAttr(1, "k", "v")), lenField(2))), 0, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := split(t, Limits{MaxSpanBytes: c.max}, c.body, 3)
			if diff := cmp.Diff(c.rejects, append([]Reject(nil), s.Rejects()...)); diff != "" {
				t.Error(diff)
			}
			if s.Accepted() != c.accepted {
				t.Errorf("accepted %d, want %d", s.Accepted(), c.accepted)
			}
		})
	}
}

func TestSplitDoesNotMultiplyLargeResources(t *testing.T) {
	t.Parallel()
	// 30 MiB of resources, each with one tiny span in each of 64 partitions,
	// would become 1.9 GiB.
	var spans strings.Builder
	for i := range 400 {
		spans.WriteString(spanField("trace-id-of-16"+string([]byte{byte(i), byte(i>>8) + 1}), spanA))
	}
	one := lenField(1, lenField(1, stringAttr(1, "k", strings.Repeat("v", 1<<20))), lenField(2, spans.String()))
	body := []byte(strings.Repeat(one, 30))
	s := split(t, Limits{}, body, 64)
	total := 0
	for _, p := range s.Parts() {
		total += len(p.Value)
	}
	if limit := 2*len(body) + defaultMaxSpanBytes; total > limit {
		t.Errorf("parts take %d bytes, more than %d", total, limit)
	}
	if s.Accepted() == 0 || s.Accepted()+s.Rejects()[0].Count != 30*400 {
		t.Errorf("accepted %d, rejects %v", s.Accepted(), s.Rejects())
	}
	s.Reset()
	if cap(s.out) > keepBytes || cap(s.spans) > keepSpans {
		t.Error("a splitter at rest holds on to a large request's memory")
	}
}

func TestSplitPacks(t *testing.T) {
	t.Parallel()
	body := request(t, genAITraces(150))
	for _, pack := range []int{1, 5000, 40_000, 1 << 30} {
		s := split(t, Limits{PackBytes: pack}, body, 4)
		if _, rejected := checkParts(t, s, body, 4); rejected != 0 {
			t.Fatalf("rejected %d", rejected)
		}
		for _, p := range s.Parts() {
			if len(p.Value) > max(pack, 1600) {
				t.Errorf("pack %d: a part of %d bytes, %d spans", pack, len(p.Value), p.Spans)
			}
		}
	}
}

func TestSplitHugeSpanIsItsOwnPart(t *testing.T) {
	t.Parallel()
	huge := spanField(traceA, spanA, stringAttr(9, "prompt", strings.Repeat("long ", 1<<18)))
	s := split(t, Limits{}, oneScope(spanField(traceA, spanA), huge, spanField(traceA, spanB)), 2)
	var got []int
	for _, p := range s.Parts() {
		got = append(got, p.Spans)
	}
	if diff := cmp.Diff([]int{1, 1, 1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestSplitGolden holds the exact bytes of a part: resource and scope, whole
// and wherever they stood, unknown fields and schema URLs included, then the
// spans of the partition.
func TestSplitGolden(t *testing.T) {
	t.Parallel()
	resource := lenField(1, stringAttr(1, "service.name", "s")) + lenField(3, "u") + lenField(77, "x")
	scope := lenField(1, lenField(1, "lib")) + varintField(66, 3)
	mine, other := spanField(traceA, spanA, lenField(55, "kept")), ""
	for c := byte('B'); other == ""; c++ {
		trace := strings.Repeat(string(c), 16)
		if schema.PartitionOf(schema.TraceID([]byte(trace)), 2) != schema.PartitionOf(schema.TraceID([]byte(traceA)), 2) {
			other = spanField(trace, spanB)
		}
	}
	body := lenField(1, lenField(2, mine, scope, other, mine), resource, lenField(2, other))
	s := split(t, Limits{}, []byte(body), 2)
	got := map[int]string{}
	for _, p := range s.Parts() {
		got[p.Spans] += string(p.Value)
	}
	inMine := lenField(1, resource, lenField(2, scope, mine, mine))
	inOther := lenField(1, resource, lenField(2, scope, other), lenField(2, other))
	if len(s.Parts()) != 2 || s.Accepted() != 4 {
		t.Fatalf("%d parts, %d spans", len(s.Parts()), s.Accepted())
	}
	if diff := cmp.Diff(map[int]string{2: inMine + inOther}, got); diff != "" {
		if diff = cmp.Diff(map[int]string{2: inOther + inMine}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSplitterIsReusable(t *testing.T) {
	t.Parallel()
	s := NewSplitter(Limits{})
	for _, n := range []int{100, 1, 0, 30} {
		body := request(t, genAITraces(n))
		if err := s.Split(body, 5); err != nil {
			t.Fatal(err)
		}
		checkParts(t, s, body, 5)
		if n == 1 {
			s.Reset()
			if s.Accepted() != 0 || len(s.Parts()) != 0 {
				t.Error("Reset leaves results")
			}
		}
	}
}

// The budget: nothing per span or request once the memory is there.
func TestAllocations(t *testing.T) {
	body := request(t, genAITraces(200))
	s := NewSplitter(Limits{})
	if n := testing.AllocsPerRun(50, func() {
		if err := s.Split(body, 12); err != nil {
			t.Fatal(err)
		}
		s.Reset()
	}); n != 0 {
		t.Errorf("Split allocates %v times", n)
	}
	var d Decoder
	for _, body := range [][]byte{body, request(t, everyField()), mergeCases()["invalid utf-8"]} {
		if n := testing.AllocsPerRun(50, func() {
			if _, err := d.Decode(body); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("Decode allocates %v times", n)
		}
	}
	spans, err := d.Decode(request(t, everyField()))
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(50, func() { dst = AppendAttrsJSON(dst[:0], spans[0].Attrs) }); n != 0 {
		t.Errorf("AppendAttrsJSON allocates %v times", n)
	}
}
