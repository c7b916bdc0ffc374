package semconv

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// table is all dialects compiled: what each known attribute key is good for.
// It is never written after compile.
type table struct {
	sources []source
	slots   []uint16 // open addressing: index into sources + 1
	shift   uint

	families []string            // by precedence; the last is otherFamily
	prefixes [256][]familyPrefix // by first byte
}

// source is one attribute key.
type source struct {
	key     string
	family  int // index into families
	columns []target
	members []member
	kind    *kindRule
	// encoded keys hold JSON text once the span's witness starts with a quote.
	encoded, witness bool
}

type target struct {
	column column
	place  uint16
}

type member struct {
	name string
	target
}

// kindRule is a kindSource with its place and its values in a map.
type kindRule struct {
	place    int
	values   map[string]string
	suffixes []kindValues
	rest     string
}

type familyPrefix struct {
	prefix string
	family int // index into families
}

// compile panics when the tables contradict themselves: two sources of a
// column in one place.
func compile(list []dialect) *table {
	t := &table{}
	for _, d := range list {
		t.addFamily(d)
		for _, r := range d.rows {
			s := t.source(r.key)
			s.columns = append(s.columns, target{r.column, r.place})
		}
		for _, o := range d.objects {
			s := t.source(o.key)
			for _, r := range o.rows {
				s.members = append(s.members, member{r.key, target{r.column, r.place}})
			}
		}
	}
	for place, k := range kindSources {
		t.source(k.key).kind = compileKind(place, k)
	}
	for _, d := range list {
		if d.jsonKeys != "" {
			t.source(d.jsonWitness).witness = true
			t.markEncoded(d.jsonKeys)
		}
	}
	t.families = append(t.families, otherFamily)
	for i := range t.sources {
		t.sources[i].family = t.family(t.sources[i].key)
	}
	t.mustBeOrdered()
	t.hash()
	return t
}

func (t *table) addFamily(d dialect) {
	if d.family == "" {
		return
	}
	for _, p := range d.prefixes {
		t.prefixes[p[0]] = append(t.prefixes[p[0]], familyPrefix{p, len(t.families)})
	}
	t.families = append(t.families, d.family)
}

// source finds or adds the key's entry; the pointer is good until the next call.
func (t *table) source(key string) *source {
	i := slices.IndexFunc(t.sources, func(s source) bool { return s.key == key })
	if i < 0 {
		i = len(t.sources)
		t.sources = append(t.sources, source{key: key})
	}
	return &t.sources[i]
}

func (t *table) markEncoded(prefix string) {
	for i := range t.sources {
		if strings.HasPrefix(t.sources[i].key, prefix) {
			t.sources[i].encoded = true
		}
	}
}

func compileKind(place int, k kindSource) *kindRule {
	rule := &kindRule{place: place, values: make(map[string]string), suffixes: k.suffixes, rest: k.rest}
	for _, v := range k.values {
		for _, text := range v.values {
			rule.values[text] = v.kind
		}
	}
	return rule
}

func (t *table) mustBeOrdered() {
	taken := make(map[target]string)
	claim := func(at target, key string) {
		if other, ok := taken[at]; ok {
			panic(fmt.Sprintf("semconv: %s and %s have one place %d in column %d", other, key, at.place, at.column))
		}
		if at.place >= bandStep {
			panic(fmt.Sprintf("semconv: place %d of %s is out of range", at.place, key))
		}
		taken[at] = key
	}
	for _, s := range t.sources {
		for _, at := range s.columns {
			claim(at, s.key)
		}
		for _, m := range s.members {
			claim(m.target, s.key+"/"+m.name)
			if m.column < textColumns {
				panic(fmt.Sprintf("semconv: member %s of %s is not a number", m.name, s.key))
			}
		}
	}
}

// hash fills the slots. There are at least four a source: nearly every unknown
// key meets an empty one.
func (t *table) hash() {
	t.shift = uint(64 - bits.Len(uint(4*len(t.sources))))
	t.slots = make([]uint16, 1<<(64-t.shift))
	for i, s := range t.sources {
		slot := keyHash(s.key) >> t.shift
		for t.slots[slot] != 0 {
			slot = (slot + 1) & uint64(len(t.slots)-1)
		}
		t.slots[slot] = uint16(i + 1)
	}
}

// find gives the key's source, or nil.
func (t *table) find(key string) *source {
	for slot := keyHash(key) >> t.shift; t.slots[slot] != 0; slot = (slot + 1) & uint64(len(t.slots)-1) {
		if s := &t.sources[t.slots[slot]-1]; s.key == key {
			return s
		}
	}
	return nil
}

// keyHash mixes a key's length, its middle and its end: keys of a dialect
// differ there. It need not be good for keys that are in no table.
func keyHash(key string) uint64 {
	const odd = 0x9e3779b97f4a7c15
	n := len(key)
	if n < 8 {
		h := uint64(n)
		for i := range n {
			h = h<<8 | uint64(key[i])
		}
		return h * odd
	}
	h := word(key[n-8:])*odd ^ word(key[n/2-4:])
	return (h ^ h>>32 ^ uint64(n)) * odd
}

func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// family gives the index of the key's family, or that of otherFamily.
func (t *table) family(key string) int {
	if key != "" {
		for _, p := range t.prefixes[key[0]] {
			if strings.HasPrefix(key, p.prefix) {
				return p.family
			}
		}
	}
	return len(t.families) - 1
}
