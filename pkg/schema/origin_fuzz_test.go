package schema_test

import (
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

// FuzzParseOrigin: the header of a dead letter may be anybody's text. What is
// taken for an origin names the same place for ever.
func FuzzParseOrigin(f *testing.F) {
	for _, o := range []schema.Origin{{Topic: "spans", Partition: 3, Offset: 1 << 40, Index: 7}, {Topic: "spans", Index: -1}, {Topic: "a.b_c-d", Partition: 1<<31 - 1, Offset: 1<<63 - 1, Index: 1<<31 - 1}} {
		f.Add(o.String())
	}
	for _, text := range []string{"", "/", "spans", "spans/0", "spans/0/1", "spans/0/1/2/3", "spans/0/1/2x", "spans/-1/-1/-1", "/0/1/2", "spans/0/ 1/2", "spans/99999999999/1/2", "spans/0x1/1/2", "spans/+1/1/2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := schema.ParseOrigin(text)
		if err != nil {
			return
		}
		if o.Topic == "" {
			t.Fatalf("%q names no topic", text)
		}
		if again, err := schema.ParseOrigin(o.String()); err != nil || again != o {
			t.Fatalf("%q: %+v became %+v, %v", text, o, again, err)
		}
	})
}
