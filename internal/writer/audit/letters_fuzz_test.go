package audit

import (
	"testing"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// FuzzLetters: anybody may write to the topic of dead letters. A letter counts
// for the record that it names and for no other, and only if it is of ours.
func FuzzLetters(f *testing.F) {
	f.Add("spans/0/7/-1", writer.ReasonUndecodable)
	f.Add("spans/3/9223372036854775807/2", writer.ReasonRejected)
	f.Add("others/0/7/-1", writer.ReasonInvalidSpan)
	f.Add("spans/0/-7/-1", "")
	f.Add("no origin", "no reason")
	f.Fuzz(func(t *testing.T, origin, reason string) {
		l := NewLetters(schema.TopicSpans)
		err := l.Add(&pipeline.Record{Headers: []pipeline.Header{
			{Key: schema.HeaderOrigin, Value: []byte(origin)}, {Key: schema.HeaderReason, Value: []byte(reason)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		o, err := schema.ParseOrigin(origin)
		ours := err == nil && o.Topic == schema.TopicSpans
		if got := l.has(o.Partition, o.Offset, reason); got != ours {
			t.Fatalf("%q, %q: has %t, want %t", origin, reason, got, ours)
		}
		refused := l.rejected(o.Partition, pipeline.Range{First: o.Offset, Last: o.Offset})
		if want := ours && reason == writer.ReasonRejected; (len(refused) == 1) != want {
			t.Fatalf("%q, %q: rejected %v, want %t", origin, reason, refused, want)
		}
		if l.has(o.Partition+1, o.Offset, reason) || l.has(o.Partition, o.Offset+1, reason) {
			t.Fatalf("%q counts for another record", origin)
		}
	})
}
