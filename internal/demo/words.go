package demo

import (
	"embed"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// Words of eight languages, and proper names. They are common words put in
// random order: nobody reads the texts, but they have letters, lengths and an
// entropy like real ones.
//
//go:embed words/*.txt
var wordFiles embed.FS

// language is how to make text of one language.
type language struct {
	code  string
	words []word
	// gap stands between words, stop ends a sentence.
	gap, stop string
	// share is the percentage of traces in it.
	share int
}

// word is a word with the gap after it, in a block of fixed size: copying a
// block is much cheaper than copying 7 bytes.
type word struct {
	block [wordBlock]byte
	size  int
}

const wordBlock = 32

type vocabulary struct {
	languages []language
	names     []string
}

func loadVocabulary() *vocabulary {
	v := &vocabulary{
		languages: []language{
			{code: "en", gap: " ", stop: ". ", share: 52},
			{code: "de", gap: " ", stop: ". ", share: 8},
			{code: "fr", gap: " ", stop: ". ", share: 8},
			{code: "es", gap: " ", stop: ". ", share: 8},
			{code: "pt", gap: " ", stop: ". ", share: 7},
			{code: "ru", gap: " ", stop: ". ", share: 5},
			{code: "ja", gap: "", stop: "。", share: 6},
			{code: "zh", gap: "", stop: "。", share: 6},
		},
		names: readWords("names"),
	}
	for i := range v.languages {
		l := &v.languages[i]
		for _, text := range readWords(l.code) {
			var w word
			if w.size = copy(w.block[:], text+l.gap); w.size < len(text+l.gap) {
				panic("word too long for its block: " + text)
			}
			l.words = append(l.words, w)
		}
	}
	return v
}

func readWords(name string) []string {
	text, err := wordFiles.ReadFile("words/" + name + ".txt")
	if err != nil {
		panic("words of " + name + " are not embedded: " + err.Error())
	}
	return strings.Fields(string(text))
}

// pick gives the language of a number in [0, 100).
func (v *vocabulary) pick(p int) *language {
	for i := range v.languages {
		if p -= v.languages[i].share; p < 0 {
			return &v.languages[i]
		}
	}
	return &v.languages[0]
}

// arena holds the text of strings under construction. Strings it gave out stay
// valid when it grows, and are overwritten after reset.
type arena struct {
	buf  []byte
	from int
}

func (a *arena) reset()        { a.buf = a.buf[:0] }
func (a *arena) start()        { a.from = len(a.buf) }
func (a *arena) text(s string) { a.buf = append(a.buf, s...) }

// end gives what was added since start.
func (a *arena) end() string {
	if len(a.buf) == a.from {
		return ""
	}
	return unsafe.String(&a.buf[a.from], len(a.buf)-a.from)
}

func (a *arena) decimal(n uint64) { a.buf = strconv.AppendUint(a.buf, n, 10) }

// base32 adds n as 13 digits: all numbers have one length, no two are alike.
func (a *arena) base32(n uint64) {
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	a.buf = append(a.buf,
		digits[n>>60&31], digits[n>>55&31], digits[n>>50&31], digits[n>>45&31], digits[n>>40&31],
		digits[n>>35&31], digits[n>>30&31], digits[n>>25&31], digits[n>>20&31], digits[n>>15&31],
		digits[n>>10&31], digits[n>>5&31], digits[n&31])
}

// prose adds a message of about size bytes: words, names, amounts and order
// numbers in sentences that end with "break", and at the end the message's own
// reference. It needs no escaping inside JSON unless the break does.
func (m *Maker) prose(size int, lineBreak string) {
	const slack = 8 * wordBlock // what a round may write past the size
	a, r, l := &m.arena, &m.random, m.head.language
	a.buf = slices.Grow(a.buf, size+slack)
	for until := len(a.buf) + size - 18; len(a.buf) < until; {
		picks, bits := r.next(), r.next()
		for n := 3 + bits&1; n > 0; n-- {
			a.word(&l.words[int(picks&0xffff)*len(l.words)>>16])
			picks >>= 16
		}
		m.entity(bits >> 1)
		switch bits >> 60 {
		case 0:
			a.text(lineBreak)
		case 1, 2, 3, 4:
			a.text(l.stop)
		default:
			a.text(l.gap)
		}
	}
	a.text("ref-")
	a.base32(m.g.ids.reference(m.span.Trace, m.span.Index, m.messages))
	m.messages++
}

// word adds a word; a whole block must fit into what the arena has.
func (a *arena) word(w *word) {
	n := len(a.buf)
	*(*[wordBlock]byte)(a.buf[n : n+wordBlock]) = w.block
	a.buf = a.buf[:n+w.size]
}

// entity adds what real messages have between words.
func (m *Maker) entity(bits uint64) {
	a, names := &m.arena, m.g.words.names
	switch bits & 7 {
	case 0, 1:
		a.text(names[int(bits>>3&0xffff)*len(names)>>16])
	case 2: // an amount
		a.decimal(bits >> 3 & 0xfff)
		a.text(".")
		a.decimal(10 + bits>>15&63)
		a.text(" EUR")
	case 3: // a number of something
		a.decimal(bits >> 3 & 0xffff)
	case 4, 5: // an order number
		a.text("#")
		a.decimal(bits >> 3 & 0xffffffff)
	default:
	}
}
