package otlp

import "unique"

// keys remembers the keys of attributes: an application has a few dozen, and
// each span repeats them. A key that is remembered needs no check for UTF-8, and
// being the same memory in the whole process it compares at once wherever it is
// looked up.
type keys struct {
	known [keySlots]knownKey
	calls int
}

// knownKey is a key in memory of the process. While the handle lives, nobody is
// given other memory for the same text.
type knownKey struct {
	text   string
	handle unique.Handle[string]
}

// A key that finds its slot taken is not remembered. Every keysRefresh calls of
// Decode begin afresh, so that keys of long ago or of somebody else's whim do
// not keep the slots.
const (
	keySlots    = 256 // a power of two
	keysRefresh = 4096
	keepKeyLen  = 128
)

// refresh forgets all keys once in a while.
func (k *keys) refresh() {
	if k.calls++; k.calls >= keysRefresh {
		*k = keys{}
	}
}

// slot is where a key may be. Keys of a dialect differ in their length, their
// middle or their end.
func (k *keys) slot(key string) *knownKey {
	n := len(key)
	return &k.known[(n+7*int(key[n/3])+13*int(key[n/2])+29*int(key[n-1])+61*int(key[2*n/3]))&(keySlots-1)]
}

// key gives an attribute's key as valid UTF-8.
func (d *Decoder) key(key string) string {
	if key == "" {
		return ""
	}
	slot := d.keys.slot(key)
	if slot.text == key {
		return slot.text
	}
	mended := d.valid(key)
	if slot.text == "" && len(key) <= keepKeyLen && mended == key {
		slot.handle = unique.Make(key) // copies it
		slot.text = slot.handle.Value()
		return slot.text
	}
	return mended
}
