package semconv

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unique"
)

// table is all dialects compiled: what each known attribute key is good for.
// It is never written after compile.
type table struct {
	sources []source
	slots   []uint16 // open addressing: index into sources + 1
	shift   uint
	// handles keep the sources' keys in the memory that decoders give the same
	// keys: they compare at once.
	handles []unique.Handle[string]

	families []string         // by precedence; the last is otherFamily
	prefixes [256][]keyPrefix // by first byte
	scopes   [256][]scopeName // by first byte
	folds    []foldRule
	// Bits of the families that rules speak of: whose providers have the API in
	// their names, whose tools answer in events and who calls one provider's SDK,
	// whose spans are called after the SDK.
	vercel, claude, langfuse uint32
}

// source is one attribute key.
type source struct {
	key     string
	dialect int    // index of the dialect that declared it first
	spoken  uint32 // bit of the family that the key alone shows, if any
	columns []target
	members *objectRule
	kind    *kindRule
	mark    mark
	signs   []signRule
	// encoded keys hold JSON text once the span's witness starts with a quote.
	encoded, witness bool
	jsonText         bool
	fold             *foldRule // the source stands for a fold
}

type target struct {
	column column
	place  uint16
	// guard is 0, or the bit of the family that the span must speak.
	guard uint32
}

// signRule says that a value with the prefix shows the family.
type signRule struct {
	prefix string
	spoken uint32
}

type keyPrefix struct {
	prefix string
	spoken uint32
	fold   *foldRule
}

type scopeName struct {
	name    string
	open    bool // name is a prefix
	spoken  uint32
	dialect int
}

// foldRule is a fold compiled. Its source is what wins for its column.
type foldRule struct {
	fold
	source source
	bit    uint32
}

// compile panics when the tables contradict themselves: two sources of a
// column in one place.
func compile(list []dialect) *table {
	t := &table{}
	for _, d := range list {
		for range d.folds {
			t.folds = append(t.folds, foldRule{}) // all of them first: they are pointed to
		}
	}
	t.folds = t.folds[:0]
	for i, d := range list {
		t.add(i, d)
	}
	for place, k := range kindSources {
		t.source(k.key, len(list)).kind = compileKind(place, k)
	}
	for _, m := range marks {
		t.source(m.key, len(list)).mark = m.mark
	}
	for _, d := range list {
		if d.jsonKeys != "" {
			t.source(d.jsonWitness, len(list)).witness = true
			t.markEncoded(d.jsonKeys)
		}
	}
	t.vercel, t.claude, t.langfuse = t.bit(vercelAI.family), t.bit(claudeCode.family), t.bit(langfuse.family)
	t.families = append(t.families, otherFamily)
	for i := range t.sources {
		t.sources[i].spoken = t.spokenBy(t.sources[i].key)
	}
	t.mustBeOrdered()
	t.hash()
	return t
}

// add compiles what one dialect lists.
func (t *table) add(number int, d dialect) {
	spoken := t.addFamily(number, d)
	for _, r := range d.rows {
		s := t.source(r.key, number)
		s.columns = append(s.columns, target{r.column, r.place, 0})
	}
	for _, r := range d.guarded {
		s := t.source(r.key, number)
		s.columns = append(s.columns, target{r.column, r.place, spoken})
	}
	for _, o := range d.objects {
		t.source(o.key, number).members = compileObject(o)
	}
	for _, key := range d.jsonText {
		t.source(key, number).jsonText = true
	}
	for _, f := range d.folds {
		t.folds = append(t.folds, foldRule{fold: f})
		rule := &t.folds[len(t.folds)-1]
		rule.source = source{key: f.prefix + "N", dialect: number, columns: []target{{f.column, f.place, 0}}, fold: rule}
		rule.bit = 1 << (len(t.folds) - 1)
		t.prefixes[f.prefix[0]] = append(t.prefixes[f.prefix[0]], keyPrefix{prefix: f.prefix, fold: rule})
	}
}

// addFamily gives the family's bit.
func (t *table) addFamily(number int, d dialect) uint32 {
	if d.family == "" {
		return 0
	}
	spoken := uint32(1) << len(t.families)
	t.families = append(t.families, d.family)
	for _, p := range d.prefixes {
		t.prefixes[p[0]] = append(t.prefixes[p[0]], keyPrefix{prefix: p, spoken: spoken})
	}
	for _, name := range d.scopes {
		name, open := strings.CutSuffix(name, "*")
		t.scopes[name[0]] = append(t.scopes[name[0]], scopeName{name, open, spoken, number})
	}
	for _, m := range d.signs {
		s := t.source(m.key, number)
		s.signs = append(s.signs, signRule{m.prefix, spoken})
	}
	return spoken
}

// bit gives a family's bit, 0 if no dialect has it.
func (t *table) bit(family string) uint32 {
	i := slices.Index(t.families, family)
	if i < 0 {
		return 0
	}
	return 1 << i
}

// source finds or adds the key's entry; the pointer is good until the next call.
func (t *table) source(key string, dialect int) *source {
	i := slices.IndexFunc(t.sources, func(s source) bool { return s.key == key })
	if i < 0 {
		i = len(t.sources)
		t.sources = append(t.sources, source{key: key, dialect: dialect})
	}
	return &t.sources[i]
}

// markEncoded marks what an exporter that encodes has encoded: all attributes of
// its spans, such as the model that a failed call asked for and the session.
// Content of another dialect is left as it is: a JSON string may be its own.
func (t *table) markEncoded(prefix string) {
	for i := range t.sources {
		s := &t.sources[i]
		s.encoded = strings.HasPrefix(s.key, prefix) ||
			!slices.ContainsFunc(s.columns, func(at target) bool { return at.column.content() })
	}
	for i := range t.folds {
		if strings.HasPrefix(t.folds[i].prefix, prefix) {
			t.folds[i].source.encoded = true
		}
	}
}

func (t *table) mustBeOrdered() {
	taken := make(map[target]string)
	claim := func(at target, key string) {
		at.guard = 0
		if other, ok := taken[at]; ok {
			panic(fmt.Sprintf("semconv: %s and %s have one place %d in column %d", other, key, at.place, at.column))
		}
		if at.place >= strangerStep {
			panic(fmt.Sprintf("semconv: place %d of %s is out of range", at.place, key))
		}
		taken[at] = key
	}
	for _, s := range t.sources {
		for _, at := range s.columns {
			claim(at, s.key)
		}
		s.members.each(func(name string, at target) { claim(at, s.key+"/"+name) })
	}
	for _, f := range t.folds {
		claim(f.source.columns[0], f.source.key)
		if f.reasons != 0 {
			claim(target{finishReasons, f.reasons, 0}, f.source.key)
		}
	}
}

// hash fills the slots. There are at least four a source: nearly every unknown
// key meets an empty one.
func (t *table) hash() {
	for i := range t.sources {
		handle := unique.Make(t.sources[i].key)
		t.sources[i].key = handle.Value()
		t.handles = append(t.handles, handle)
	}
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

// spokenBy gives the bits of the families that a key alone shows.
func (t *table) spokenBy(key string) (spoken uint32) {
	if key == "" {
		return 0
	}
	for _, p := range t.prefixes[key[0]] {
		if p.spoken != 0 && strings.HasPrefix(key, p.prefix) {
			spoken |= p.spoken
		}
	}
	return spoken
}

// scope gives the families that a scope's name shows, and the number of the
// dialect it is at home in, or -1.
func (t *table) scope(name string) (spoken uint32, dialect int) {
	if name == "" {
		return 0, -1
	}
	for _, s := range t.scopes[name[0]] {
		if s.name == name || s.open && strings.HasPrefix(name, s.name) {
			return s.spoken, s.dialect
		}
	}
	return 0, -1
}

// family names the first of the families that are spoken.
func (t *table) family(spoken uint32) string {
	return t.families[min(bits.TrailingZeros32(spoken), len(t.families)-1)]
}
