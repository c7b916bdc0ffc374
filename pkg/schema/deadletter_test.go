package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestOriginRoundTrip(t *testing.T) {
	for _, o := range []schema.Origin{{"spans", 0, 0, -1}, {"spans", 11, 1 << 40, 7}} {
		got, err := schema.ParseOrigin(o.String())
		if err != nil || got != o {
			t.Errorf("%v: %v, %v", o, got, err)
		}
	}
	for _, text := range []string{"", "eu-west", "spans/0/1", "/0/1/2", "spans/0/1/2/3", "spans/-1/1/2", "spans/0/-1/2", "spans/0/1/-2", "spans/0/1/2 x", "spans/0x1/1/2"} {
		if o, err := schema.ParseOrigin(text); err == nil {
			t.Errorf("%q taken for the origin %v", text, o)
		}
	}
}

func TestIndicesRoundTrip(t *testing.T) {
	var x schema.Indices
	for _, i := range []uint32{0, 1, 2, 3, 7, 9, 10} {
		x = x.With(i)
	}
	if got := x.String(); got != "0-3,7,9-10" {
		t.Errorf("text %q", got)
	}
	got, err := schema.ParseIndices(x.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(x, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range map[uint32]bool{0: true, 3: true, 4: false, 7: true, 8: false, 10: true, 11: false} {
		if x.Contains(i) != want {
			t.Errorf("contains %d: %v", i, !want)
		}
	}
	for _, text := range []string{"", "a", "3-1", "1,,2", "-1"} {
		if x, err := schema.ParseIndices(text); err == nil {
			t.Errorf("%q taken for %v", text, x)
		}
	}
}
