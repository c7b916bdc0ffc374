package semconv

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// FuzzNormalize puts any value under any two keys, known ones included. Nothing
// panics, memory stays within a small multiple of the attributes, the span is
// not changed, and what is named as consumed is wholly there.
func FuzzNormalize(f *testing.F) {
	n := New()
	var keys []string
	for _, s := range n.table.sources {
		keys = append(keys, s.key)
	}
	keys = append(keys, "", "x", "mlflow.", "gen_ai.", "mlflow.traceTag.a")
	for _, f := range n.table.folds {
		keys = append(keys, f.prefix+"0.role", f.prefix+"0", f.prefix+"1.message.contents.0.message_content.text", f.prefix+"4000000000.content")
	}
	key := func(s string) uint16 { return uint16(slices.Index(keys, s)) }
	for _, v := range sampleValues {
		f.Add(key("mlflow.chat.tokenUsage"), wireValue(v), key("mlflow.spanType"), wireValue(`"LLM"`))
		f.Add(key("mlflow.spanInputs"), wireValue(v), key("mlflow.spanType"), wireValue(`"LLM"`))
		f.Add(key("gen_ai.usage.cost"), wireValue(v), key("gen_ai.system"), wireValue(v))
	}
	f.Fuzz(func(t *testing.T, keyA uint16, a []byte, keyB uint16, b []byte) {
		s, ok := decodeSpan(keys[int(keyA)%len(keys)], a, keys[int(keyB)%len(keys)], b)
		if !ok {
			return
		}
		before := slices.Clone(s.Attrs)
		var g schema.GenAI
		n.Forget()
		n.Normalize(&s, &g)
		if diff := cmp.Diff(before, s.Attrs); diff != "" {
			t.Fatal("the span was changed\n" + diff)
		}
		if g.Kind == "" || g.Family == "" {
			t.Errorf("kind %q, family %q", g.Kind, g.Family)
		}
		if g.CostNano.N > math.MaxInt64 || g.CostInputNano.N > math.MaxInt64 || g.CostOutputNano.N > math.MaxInt64 {
			t.Errorf("cost %d, %d, %d", g.CostNano.N, g.CostInputNano.N, g.CostOutputNano.N)
		}
		if r := g.Request; math.IsNaN(r.Temperature.V) || math.IsInf(r.TopP.V, 0) {
			t.Errorf("temperature %v, top p %v", r.Temperature, r.TopP)
		}
		if size := len(a) + len(b); cap(n.made) > maxKeptBytes+64*size || len(n.lists) > 2*maxListed {
			t.Errorf("%d bytes and %d words made of %d", cap(n.made), len(n.lists), size)
		}
		if kept := cap(n.hits) + cap(n.values) + cap(n.leaves); kept > 3*maxKeptHits+8*(len(a)+len(b)) {
			t.Errorf("%d hits, values and leaves of %d bytes", kept, len(a)+len(b))
		}
		consumed(t, &s, g.Input, g.InputAttr, g.InputKey)
		consumed(t, &s, g.Output, g.OutputAttr, g.OutputKey)
	})
}

func consumed(t *testing.T, s *schema.Span, text string, attr int, key string) {
	t.Helper()
	if attr < 0 {
		if key != "" {
			t.Errorf("no attribute, but key %q", key)
		}
		return
	}
	if a := s.Attrs[attr]; a.Key != key || !whole(a.Value, text) {
		t.Errorf("attribute %d (%s) is named by %q and is not all in %q", attr, a.Key, key, text)
	}
}

// decodeSpan makes a span of two attributes through the real decoder.
func decodeSpan(keyA string, a []byte, keyB string, b []byte) (schema.Span, bool) {
	wire := bytesField(nil, 1, []byte("0123456789abcdef"))
	wire = bytesField(wire, 2, []byte("01234567"))
	wire = bytesField(wire, 9, bytesField(bytesField(nil, 1, []byte(keyA)), 2, a))
	wire = bytesField(wire, 9, bytesField(bytesField(nil, 1, []byte(keyB)), 2, b))
	record := bytesField(nil, 1, bytesField(nil, 2, bytesField(nil, 2, wire)))
	spans, err := new(otlp.Decoder).Decode(record)
	if err != nil || len(spans) != 1 {
		return schema.Span{}, false
	}
	return spans[0], true
}

// FuzzFold gives the same span many attributes under any paths of one fold.
// Whatever they are, the fold is whole JSON, and made of what was sent.
func FuzzFold(f *testing.F) {
	for _, paths := range []string{
		"0.role 0.content 1.role", "0 0.a 0.0.a", "4000000000.content 0.x", "0.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q",
		"01.a 1.a", "0..a .", "0.message.role 0.role", "3.message.contents.1.x 3.message.contents.name", "9999.a 10000.a",
	} {
		f.Add(paths, "x")
	}
	n := New()
	f.Fuzz(func(t *testing.T, paths, text string) {
		var s schema.Span
		for path := range strings.FieldsSeq(paths) {
			s.Attrs = append(s.Attrs, schema.Attr{Key: "gen_ai.prompt." + path, Value: value(text)})
		}
		var g schema.GenAI
		n.Forget()
		n.Normalize(&s, &g)
		if g.Input != "" && g.ContentFlags&schema.ContentFolded != 0 && !json.Valid([]byte(g.Input)) {
			t.Errorf("%q: %s", paths, g.Input)
		}
		if limit := 64 + 8*len(paths) + 8*(len(text)+4)*len(s.Attrs); len(g.Input) > limit {
			t.Errorf("%d bytes of %d paths", len(g.Input), len(s.Attrs))
		}
	})
}

// FuzzUnquote compares with the standard library where that accepts the text.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\n\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\ud83d\u0041"`, `"\`, `"\u12"`, `"a"b"`, `"\x"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, _, ok := unquote(nil, s)
		want, valid := standardUnquote(s)
		if valid && (!ok || got != want) {
			t.Errorf("%q: %q, %t, want %q", s, got, ok, want)
		}
	})
}

// FuzzMembers: a walk over any text ends, and finds what the standard library
// finds in valid objects. A key comes as it is written, escapes and all.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":{"c":[1,"}"]},"d":"x\"y"}`, `{"a" : 1 , }`, `{"a":`, `{`, `{"a":1}x`, `[1]`, `{"\b":""}`, `{"\u0061":1}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := make(map[string]string)
		m := objectMembers(s)
		for key, value, ok := m.next(); ok; key, value, ok = m.next() {
			name, _ := standardUnquote(`"` + key + `"`)
			if _, twice := found[name]; !twice {
				found[name] = value
			}
		}
		for key, value := range standardMembers(s) {
			if found[key] != value {
				t.Errorf("%s: member %q is %q, want %q", s, key, found[key], value)
			}
		}
	})
}
