package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Rights are what a key may do.
type Rights uint8

const (
	// Write allows sending spans and events.
	Write Rights = 1 << iota
	// Read allows queries.
	Read
)

// Identity is who is calling.
type Identity struct {
	Tenant string
	Rights Rights
	// Name is the key's name in the file, for people; it may be empty.
	Name string
}

// May reports whether all of want is allowed.
func (i Identity) May(want Rights) bool { return i.Rights&want == want }

// What Authenticate refuses with. The texts are meant for the caller.
var (
	ErrMissing = errors.New("an API key is required: send the header 'Authorization: Bearer <key>' or 'x-api-key: <key>'")
	ErrUnknown = errors.New("the API key is not known here")
)

// digest is the blinded SHA-256 of a key: the file's hash, hashed once more
// with a secret of this process. Look-ups compare blinded digests, so that
// their timing is about values that no caller can choose or know (A2).
type digest [sha256.Size]byte

// table is one version of the keys file.
type table struct {
	blind [sha256.Size]byte
	keys  map[digest]Identity
}

func newTable(capacity int) *table {
	t := &table{keys: make(map[digest]Identity, capacity)}
	rand.Read(t.blind[:]) // never fails: crypto/rand ends the process instead
	return t
}

func (t *table) digest(hash [sha256.Size]byte) digest {
	var b [2 * sha256.Size]byte
	copy(b[:], t.blind[:])
	copy(b[sha256.Size:], hash[:])
	return sha256.Sum256(b[:])
}

// Authenticate gives the identity behind the values of the headers (or gRPC
// metadata) authorization and x-api-key, "" where absent. Bearer is the usual
// scheme; Basic passes the key as the password, whatever the user name.
func (k *Keys) Authenticate(authorization, apiKey string) (Identity, error) {
	t := k.table.Load()
	if t == nil {
		return Identity{Tenant: schema.DefaultTenant, Rights: Write | Read}, nil
	}
	key := presented(authorization, apiKey)
	if key == "" {
		return Identity{}, ErrMissing
	}
	id, ok := t.keys[t.digest(sha256.Sum256([]byte(key)))]
	if !ok {
		return Identity{}, ErrUnknown
	}
	return id, nil
}

// presented gives the key that the headers carry, "" if none.
func presented(authorization, apiKey string) string {
	scheme, value, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "bearer") && value != "":
		return value
	case strings.EqualFold(scheme, "basic"):
		b, err := base64.StdEncoding.DecodeString(value)
		if _, password, ok := strings.Cut(string(b), ":"); err == nil && ok && password != "" {
			return password
		}
	}
	return strings.TrimSpace(apiKey)
}

// NewKey makes a key and the hash that stands for it in the keys file.
func NewKey() (key, sha string) {
	key = "sm_" + rand.Text() // 130 bits: no guess finds it, so a plain hash is enough
	hash := sha256.Sum256([]byte(key))
	return key, hex.EncodeToString(hash[:])
}
