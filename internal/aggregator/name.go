package aggregator

import "github.com/spanmill/spanmill/pkg/schema/rollup"

// normalName makes a label of a name that code made up: ids and long numbers
// become *, and it ends at rollup.MaxLabelBytes. A name without them is returned as it
// is; buf is what another is written to. changed: they are not the same.
//
// An id is a UUID, or eight or more hexadecimal digits with a decimal one among
// them; a long number has three digits or more, so that versions stay.
func normalName(name string, buf []byte) (out string, next []byte, changed bool) {
	first := firstID(name)
	if first < 0 {
		cut := rollup.LabelText(name)
		return cut, buf, len(cut) < len(name)
	}
	buf = append(buf[:0], name[:first]...)
	for i := first; i < len(name) && len(buf) < rollup.MaxLabelBytes; {
		if n := idLength(name, i); n > 0 {
			if len(buf) == 0 || buf[len(buf)-1] != '*' {
				buf = append(buf, '*')
			}
			i += n
			continue
		}
		buf = append(buf, name[i])
		i++
	}
	return rollup.LabelText(string(buf)), buf, true
}

// firstID is where the first id of a name begins, -1 if there is none.
func firstID(name string) int {
	for i := range len(name) {
		if isHex(name[i]) && idLength(name, i) > 0 {
			return i
		}
	}
	return -1
}

const uuidLength = 36

// idLength is how many bytes of an id or long number begin at i, 0 if none does.
func idLength(s string, i int) int {
	if isUUID(s[i:]) {
		return uuidLength
	}
	digits := 0
	for j := i; j < len(s) && isDigit(s[j]); j++ {
		digits++
	}
	// Hexadecimal digits count from the beginning of a word only: the end of
	// "embedded" is none.
	if i == 0 || !isLetter(s[i-1]) && !isDigit(s[i-1]) {
		n, decimal := 0, false
		for j := i; j < len(s) && isHex(s[j]); j++ {
			n++
			decimal = decimal || isDigit(s[j])
		}
		if n >= 8 && decimal && (i+n == len(s) || !isLetter(s[i+n])) {
			return n
		}
	}
	if digits >= 3 {
		return digits
	}
	return 0
}

func isUUID(s string) bool {
	if len(s) < uuidLength {
		return false
	}
	for i := range uuidLength {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	return true
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
