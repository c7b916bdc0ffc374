package experiments

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// change says what of a record's value counts.
type change string

const (
	created change = "created" // a claim: id and name, and everything else
	named   change = "named"   // a claim: the name
	staged  change = "stage"   // the stage
	tagged  change = "tag"     // one tag; one that the value lacks is removed
	copied  change = "copy"    // nothing
)

// key names a record: tenant/id/change/of. of is the claim's own mark, or the
// tag's key. Neither a tenant nor an id holds a slash.
type key struct {
	tenant, id string
	change     change
	of         string
}

func (k key) String() string {
	return strings.Join([]string{k.tenant, k.id, string(k.change), k.of}, "/")
}

func parseKey(text string) (k key, ok bool) {
	parts := strings.SplitN(text, "/", 4)
	if len(parts) != 4 || parts[0] == "" || parts[1] == "" {
		return key{}, false
	}
	return key{parts[0], parts[1], change(parts[2]), parts[3]}, true
}

// idOf gives the id that the use-th experiment of a name takes, counted from 0:
// decimal, never "0", and exact as a number in every language (53 bits).
func idOf(tenant, name string, use int) string {
	h := sha256.Sum256([]byte(tenant + "\x00" + name + "\x00" + strconv.Itoa(use)))
	n := binary.BigEndian.Uint64(h[:]) >> 11
	return strconv.FormatUint(max(n, 1), 10)
}
