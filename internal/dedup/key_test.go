package dedup

import (
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestKeySetsSpansApart(t *testing.T) {
	t.Parallel()
	seen := map[Fingerprint]int{}
	n := 0
	for _, h := range []Hasher{{}, NewHasher("a"), NewHasher("b")} {
		for _, tenant := range []string{"", "a", "b", "default"} {
			for i := range 256 {
				for _, fp := range []Fingerprint{
					h.Key(tenant, schema.TraceID{1, byte(i)}, schema.SpanID{1}),
					h.Key(tenant, schema.TraceID{1}, schema.SpanID{2, byte(i)}),
				} {
					if at, dup := seen[fp]; dup {
						t.Fatalf("spans %d and %d share fingerprint %x", at, n, fp)
					}
					seen[fp], n = n, n+1
				}
			}
		}
	}
}

// Fingerprints of the ring and of the log it is warmed from are made by
// different processes, perhaps of different versions: they never change.
func TestKeyIsFixed(t *testing.T) {
	t.Parallel()
	trace := schema.TraceID{0: 0x4b, 15: 0x36}
	span := schema.SpanID{7: 0xb7}
	for secret, want := range map[string]Fingerprint{
		"":       {hi: 0x3ac35817862f0065, lo: 0xb27f7f2c1d178a77},
		"secret": {hi: 0x36237039ab510326, lo: 0xdc1d7e2d284e5986},
	} {
		if got := NewHasher(secret).Key("default", trace, span); got != want {
			t.Errorf("secret %q: %#x, want %#x", secret, got, want)
		}
	}
	if NewHasher("") != (Hasher{}) {
		t.Error("the zero Hasher is not that of the empty secret")
	}
}

func TestWithinSetsWordsApart(t *testing.T) {
	t.Parallel()
	seen := map[Fingerprint]bool{}
	for _, h := range []Hasher{{}, NewHasher("a")} {
		for i := range 50 {
			whole := h.KeyOf("default", string(rune('a'+i)))
			for _, word := range []string{"", "a", "b", "a\x00", "a\x01", "helpful"} {
				for _, mark := range []bool{false, true} {
					fp := h.Within(whole, word, mark)
					if seen[fp] || fp == whole || fp != h.Within(whole, word, mark) {
						t.Fatalf("%q %t within the %d. is %x", word, mark, i, fp)
					}
					seen[fp] = true
				}
			}
			seen[whole] = true
		}
	}
}
