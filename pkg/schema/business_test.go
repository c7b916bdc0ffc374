package schema_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestAmounts(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "1": 1_000_000, "129.9": 129_900_000, "-2.5e3": -2_500_000_000, "0.0000005": 0, "0.0000015": 2, "0.0000025": 2,
		"-0.0000015": -2, "-0.0000005": 0, "-0.0000006": -1, "1e-400": 0, "1e-999999999": 0, "0.1": 100_000, "9007199254.740992": schema.MaxAmount,
		"9007199254.7409921": schema.MaxAmount,
	} {
		if n, ok := schema.ParseAmount(text); !ok || n != want {
			t.Errorf("%s: %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{
		"", "x", "1e10", "-1e10", "NaN", "Inf", "1e999999999", "9007199254.740993", strings.Repeat("1", 65) + "e-60", "1_0", "0x10",
	} {
		if n, ok := schema.ParseAmount(text); ok {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}

// TestPlainAmounts: numbers that are read in a short way come to what the long way
// makes of them, which zeros without meaning take.
func TestPlainAmounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := fmt.Sprint(rng.Uint64N(1_000_000_000) >> rng.UintN(30))
		if digits := rng.IntN(7); digits > 0 {
			text += fmt.Sprintf(".%0*d", digits, rng.Uint64N(uint64(math.Pow10(digits))))
		} else {
			text += ".0"
		}
		if rng.IntN(2) == 0 {
			text = "-" + text
		}
		n, ok := schema.ParseAmount(text)
		if same, known := schema.ParseAmount(text + "0000000"); !ok || !known || n != same {
			t.Fatalf("%s: %d, %v; with zeros %d, %v", text, n, ok, same, known)
		}
	}
	for _, text := range []string{"-", ".", "1.-2", "--1", "1.2.3", "-.x", " 1", "1 "} {
		if n, ok := schema.ParseAmount(text); ok {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}

// TestDerivedIDs: the same event has the same id, and each of its fields counts.
func TestDerivedIDs(t *testing.T) {
	event := func() *schema.Business {
		return &schema.Business{Name: "goal", TimeNano: 5, SessionID: "s", UserID: "u", Attrs: map[string]string{"a": "1", "b": "2", "goal": "x"}}
	}
	seen := map[string]string{event().DerivedID("t"): "itself"}
	for range 20 { // maps have no order
		if id := event().DerivedID("t"); seen[id] == "" {
			t.Fatalf("another id: %s", id)
		}
	}
	for what, change := range map[string]func(*schema.Business){
		"name":           func(b *schema.Business) { b.Name = "goals" },
		"time":           func(b *schema.Business) { b.TimeNano++ },
		"session":        func(b *schema.Business) { b.SessionID = "" },
		"words that run": func(b *schema.Business) { b.SessionID, b.UserID = "su", "" },
		"value":          func(b *schema.Business) { b.Value.Set = true },
		"attribute":      func(b *schema.Business) { b.Attrs["b"] = "3" },
		"no attribute":   func(b *schema.Business) { delete(b.Attrs, "b") },
		"key and value":  func(b *schema.Business) { delete(b.Attrs, "a"); b.Attrs["a1"] = "" },
	} {
		b := event()
		change(b)
		id := b.DerivedID("t")
		if other := seen[id]; other != "" {
			t.Errorf("%s has the id of %s", what, other)
		}
		seen[id] = what
	}
	if id := event().DerivedID("t2"); seen[id] != "" {
		t.Errorf("another trace's has the id of %s", seen[id])
	}
}

func TestBusinessNames(t *testing.T) {
	for _, name := range []string{"feedback", "feature.use", "a1.b_2"} {
		if !schema.IsBusinessName(name) {
			t.Errorf("%s is refused", name)
		}
	}
	for _, name := range []string{"", ".", "a.", ".a", "a..b", "A", "a b", "1a", "a.1", "a-b", "ä"} {
		if schema.IsBusinessName(name) {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestBoundsOfBusinessEvents: up to the bound, and not beyond.
func TestBoundsOfBusinessEvents(t *testing.T) {
	many := func(n int) map[string]string {
		m := make(map[string]string)
		for i := range n {
			m[fmt.Sprint(i)] = ""
		}
		return m
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		field string
		at    func(beyond int) schema.Business
	}{
		{"name", func(n int) schema.Business { return schema.Business{Name: long(schema.MaxBusinessName + n)} }},
		{"id", func(n int) schema.Business { return schema.Business{ID: long(schema.MaxBusinessID + n)} }},
		{"session_id", func(n int) schema.Business { return schema.Business{SessionID: long(schema.MaxBusinessID + n)} }},
		{"user_id", func(n int) schema.Business { return schema.Business{UserID: long(schema.MaxBusinessID + n)} }},
		{"attrs", func(n int) schema.Business { return schema.Business{Attrs: many(schema.MaxBusinessAttrs + n)} }},
		{"attrs", func(n int) schema.Business {
			return schema.Business{Attrs: map[string]string{long(schema.MaxBusinessAttrKey + n): ""}}
		}},
		{"attrs", func(n int) schema.Business {
			return schema.Business{Attrs: map[string]string{"k": long(schema.MaxBusinessAttrValue + n)}}
		}},
	} {
		for beyond := range 2 {
			b := c.at(beyond)
			b.TimeNano = 1
			if b.Name == "" {
				b.Name = "x"
			}
			err := b.Check()
			if beyond == 0 && err != nil || beyond == 1 && (err == nil || err.Field != c.field || err.Code != schema.BusinessLarge) {
				t.Errorf("%s, %d beyond: %v", c.field, beyond, err)
			}
		}
	}
}
