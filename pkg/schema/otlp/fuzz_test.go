package otlp

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/pkg/schema"
)

// seedRequests are bodies that reach every field and rule.
func seedRequests(tb testing.TB) [][]byte {
	tb.Helper()
	out := [][]byte{nil, request(tb, genAITraces(3)), request(tb, everyField())}
	for _, c := range framingCases() {
		out = append(out, c.body)
	}
	for _, c := range mergeCases() {
		out = append(out, c)
	}
	return append(out, deepRequest(maxDepth), deepRequest(maxDepth+1))
}

// documented reports whether our verdict on body may differ from pdata's for a
// reason that doc.go names.
func documented(body []byte, ours, pdatas error) bool {
	if ours != nil && pdatas == nil {
		var f *FramingError
		return errors.As(ours, &f) && (strings.Contains(f.Reason, "group") ||
			strings.Contains(f.Reason, "out of range") || strings.Contains(f.Reason, "overflows"))
	}
	if ours == nil && pdatas != nil {
		return strings.Contains(pdatas.Error(), "invalid TraceID length") ||
			strings.Contains(pdatas.Error(), "invalid SpanID length") ||
			hasOldSpans(body) || nesting(msgRequest, alias(body)) > maxDepth
	}
	return hasOldSpans(body)
}

// hasOldSpans finds the field that pdata migrates and we ignore.
func hasOldSpans(body []byte) bool {
	for c := (cursor{src: alias(body)}); c.next(); {
		if c.num != 1 {
			continue
		}
		for r := (cursor{src: c.data}); r.next(); {
			if r.num == 1000 {
				return true
			}
		}
	}
	return false
}

// nesting is how many AnyValues nest at most, superseded ones included.
func nesting(m message, src string) int {
	most := 0
	for c := (cursor{src: src}); c.next(); {
		if c.num <= maxMember {
			if child := format[m][c.num].child; child != msgNone && child < messages {
				most = max(most, nesting(child, c.data))
			}
		}
	}
	if m == msgAnyValue {
		most++
	}
	return most
}

func FuzzSplitAgainstPdata(f *testing.F) {
	for _, b := range seedRequests(f) {
		f.Add(b, uint8(3), uint16(100))
	}
	f.Fuzz(func(t *testing.T, body []byte, partitions uint8, pack uint16) {
		n := int(partitions)%16 + 1
		s := NewSplitter(Limits{PackBytes: int(pack) + 1})
		err := s.Split(body, n)
		req := ptraceotlp.NewExportRequest()
		pdatas := req.UnmarshalProto(body)
		if (err == nil) != (pdatas == nil) {
			if !documented(body, err, pdatas) {
				t.Fatalf("ours %v, pdata %v", err, pdatas)
			}
		}
		if err != nil {
			return
		}
		got, rejected := checkParts(t, s, body, n)
		if pdatas != nil || documented(body, nil, nil) {
			return
		}
		var want []plainSpan
		for _, p := range pdataSpans(req.Traces()) {
			if strings.HasPrefix(p.IDs, zeroTrace) || strings.Contains(p.IDs, " "+zeroSpan+" ") {
				rejected--
				continue
			}
			want = append(want, p)
		}
		if rejected != 0 {
			t.Fatalf("rejects differ by %d", rejected)
		}
		if diff := difference(byPartition(want, n), got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// difference is cmp.Diff, asked only where there is one: a fuzzer's time is for
// what it looks at.
func difference[T any](want, got T) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

const (
	zeroTrace = "00000000000000000000000000000000"
	zeroSpan  = "0000000000000000"
)

// checkParts checks what must hold of any accepted body and gives the spans of
// all parts, and how many spans were rejected.
func checkParts(t *testing.T, s *Splitter, body []byte, partitions int) ([]plainSpan, int) {
	t.Helper()
	var whole, d Decoder
	all, err := whole.Decode(body)
	if err != nil {
		t.Fatalf("O1: split accepts, decode says %v", err)
	}
	rejected := 0
	for _, r := range s.Rejects() {
		rejected += r.Count
	}
	if s.Accepted()+rejected != len(all) {
		t.Fatalf("%d accepted, %d rejected of %d", s.Accepted(), rejected, len(all))
	}
	var spans []plainSpan
	last := int32(-1)
	for _, p := range s.Parts() {
		if p.Partition < last || p.Spans == 0 {
			t.Fatalf("part %d after %d with %d spans", p.Partition, last, p.Spans)
		}
		last = p.Partition
		decoded, err := d.Decode(p.Value)
		if err != nil || len(decoded) != p.Spans {
			t.Fatalf("part has %d spans, want %d: %v", len(decoded), p.Spans, err)
		}
		for i := range decoded {
			if decoded[i].Invalid != "" || schema.PartitionOf(decoded[i].TraceID, partitions) != p.Partition {
				t.Fatalf("span %d of partition %d: %q, trace %s", i, p.Partition, decoded[i].Invalid, decoded[i].TraceID)
			}
			if text := AppendAttrsJSON(nil, decoded[i].Attrs); !json.Valid(text) {
				t.Fatalf("invalid JSON %s", text)
			}
		}
		spans = append(spans, ourSpans(decoded)...)
	}
	var valid []plainSpan
	for i := range all {
		if all[i].Invalid == "" {
			valid = append(valid, ourSpans(all[i:i+1])...)
		}
	}
	if len(valid) == len(spans) {
		if diff := difference(byPartition(valid, partitions), spans); diff != "" {
			t.Fatalf("O2: %s", diff)
		}
	}
	return spans, rejected
}

// byPartition sorts spans as Parts would.
func byPartition(spans []plainSpan, partitions int) []plainSpan {
	groups := make([][]plainSpan, partitions)
	for _, s := range spans {
		p := schema.PartitionOf(traceOf(s), partitions)
		groups[p] = append(groups[p], s)
	}
	var out []plainSpan
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

func traceOf(s plainSpan) schema.TraceID {
	var id schema.TraceID
	copy(id[:], unhex(s.IDs[:32]))
	return id
}

// checkVerdict wants of Decode what walk says (O1), though it asks walk only
// about what it finds odd.
func checkVerdict(t *testing.T, body []byte, decoded error) {
	t.Helper()
	if walked := check(msgRequest, alias(body)); (decoded == nil) != (walked == nil) {
		t.Fatalf("Decode says %v, walk %v of %x", decoded, walked, body)
	}
}

// TestDecodeFindsWhatIsOdd breaks each seed at every byte (a long one at some
// two thousand), in the ways that framing breaks.
func TestDecodeFindsWhatIsOdd(t *testing.T) {
	t.Parallel()
	var d Decoder
	for _, seed := range seedRequests(t) {
		for i := 0; i < len(seed); i += 1 + len(seed)/2000 {
			for _, change := range []byte{1, 8, 0x80, 0xff} {
				body := bytes.Clone(seed)
				body[i] ^= change
				_, err := d.Decode(body)
				checkVerdict(t, body, err)
			}
			_, err := d.Decode(seed[:i])
			checkVerdict(t, seed[:i], err)
		}
	}
}

func FuzzDecodeAgainstPdata(f *testing.F) {
	for _, b := range seedRequests(f) {
		f.Add(b)
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, body []byte) {
		spans, err := d.Decode(body)
		checkVerdict(t, body, err)
		req := ptraceotlp.NewExportRequest()
		pdatas := req.UnmarshalProto(body)
		if (err == nil) != (pdatas == nil) && !documented(body, err, pdatas) {
			t.Fatalf("ours %v, pdata %v", err, pdatas)
		}
		if err != nil || pdatas != nil || documented(body, nil, nil) {
			return
		}
		if diff := difference(pdataSpans(req.Traces()), ourSpans(spans)); diff != "" {
			t.Fatal(diff)
		}
		for i := range spans {
			if spans[i].Index != uint32(i) {
				t.Fatalf("span %d has index %d", i, spans[i].Index)
			}
		}
	})
}

// pdataMisreads finds JSON that pdata accepts and reads as something else: it
// takes an empty key for the end of an object, null for an empty value, and
// each half of a lone surrogate differently.
func pdataMisreads(body []byte) bool {
	compact := bytes.Join(bytes.Fields(body), nil)
	for _, s := range []string{`"":`, "null", `\u`} {
		if bytes.Contains(compact, []byte(s)) {
			return true
		}
	}
	return false
}

// FuzzJSONAgainstPdata: where both read a body, both read the same; what pdata
// writes, we read. (pdata's JSON parser lets more pass, and we read more of
// proto3's forms, so acceptance alone is not compared.)
func FuzzJSONAgainstPdata(f *testing.F) {
	for _, b := range seedRequests(f) {
		req := ptraceotlp.NewExportRequest()
		if req.UnmarshalProto(b) == nil {
			text, err := req.MarshalJSON()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	for _, c := range jsonCases() {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := FromJSON(nil, body)
		if err != nil {
			return
		}
		var d Decoder
		spans, err := d.Decode(got)
		if err != nil {
			t.Fatalf("wrote what cannot be read: %v", err)
		}
		req := ptraceotlp.NewExportRequest()
		if pdataMisreads(body) || req.UnmarshalJSON(body) != nil {
			return
		}
		if diff := difference(pdataSpans(req.Traces()), ourSpans(spans)); diff != "" {
			t.Fatal(diff)
		}
	})
}
