package pipeline_test

import (
	"reflect"
	"testing"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// FuzzParseIntent: commit metadata may be anybody's text. What is taken for an
// intent must mean the same once it is committed again, as an adopted one is:
// acting on a range that changes on the way could double or lose records.
func FuzzParseIntent(f *testing.F) {
	for _, in := range []pipeline.Intent{
		pipeline.NoIntent(0, -1), pipeline.NoIntent(3, 17),
		{Last: 1041, Warm: 17, Config: "30", Incarnation: 1<<32 - 1, Exclude: []pipeline.Range{{First: 1003, Last: 1003}, {First: 1010, Last: 1020}}},
		{Last: 1<<63 - 1, Warm: 1<<63 - 1, Config: "\x00\"\\\u2028ä"},
	} {
		text, err := in.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{
		"", " ", "null", "{}", `{"v":1}`, `{"v":2}`, `{"v":1,"last":null}`, `{"v":1,"last":-1}`, `{"v":1,"last":1e3}`, `{"V":1,"LAST":5}`,
		`{"v":1,"last":5,"last":6}`, `{"v":1,"x":[[5,1]]}`, `{"v":1,"x":[[1]]}`, `{"v":1,"x":[[1,2,3]]}`, `{"v":1,"inc":4294967296}`,
		`{"v":1} {"v":1}`, `{"v":1}]`, "someone's note", `{"v":1,"cfg":"\ud800"}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := pipeline.ParseIntent(text)
		if err != nil {
			return
		}
		if in.Last < -1 || in.Warm < -1 || in.Open() != (in.Last >= 0) {
			t.Fatalf("%q: %+v", text, in)
		}
		for _, r := range in.Exclude {
			if r.First < 0 || r.Last < r.First {
				t.Fatalf("%q: exclusion %v", text, r)
			}
		}
		again, err := in.Encode()
		if err != nil {
			if len(text) > pipeline.MaxMetadataBytes/6 {
				return // escapes are longer than what they stand for
			}
			t.Fatalf("%q cannot be committed again: %v", text, err)
		}
		if back, err := pipeline.ParseIntent(again); err != nil || !reflect.DeepEqual(back, in) {
			t.Fatalf("%q: %+v became %+v, %v", text, in, back, err)
		}
	})
}
