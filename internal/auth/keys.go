package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v4"
)

const (
	// reloadInterval is how late a change of the file may be seen.
	reloadInterval = 2 * time.Second
	// maxFileBytes and maxKeys bound what a file may make us hold.
	maxFileBytes = 8 << 20
	maxKeys      = 50_000
)

// tenantName is what may stand in headers, rows and metric labels.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Keys are the API keys in force. The zero value and Anonymous know no keys:
// everyone is the default tenant.
type Keys struct {
	table atomic.Pointer[table]
	path  string
	log   *slog.Logger
	seen  [sha256.Size]byte // of the file's content when last read; Run's
	ready chan struct{}
}

// Anonymous lets everyone in as the default tenant.
func Anonymous() *Keys { return new(Keys) }

// Load reads a keys file. Run keeps the result up to date.
func Load(path string, log *slog.Logger) (*Keys, error) {
	k := &Keys{path: path, log: log, ready: make(chan struct{})}
	close(k.ready)
	if _, err := k.reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// Required reports whether callers need a key.
func (k *Keys) Required() bool { return k.table.Load() != nil }

// Ready is closed: loaded keys serve at once.
func (k *Keys) Ready() <-chan struct{} { return k.ready }

// Run reads the file again when it changed, until ctx ends. It compares the
// content, not the time: a mounted secret may change without a newer date.
func (k *Keys) Run(ctx context.Context) error {
	tick := time.NewTicker(reloadInterval)
	defer tick.Stop()
	var last string
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		changed, err := k.reload()
		switch {
		case err != nil && err.Error() != last: // said once, not every two seconds
			last = err.Error()
			k.log.WarnContext(ctx, "keys file cannot be used, the keys in force stay", "err", err)
		case err == nil && changed:
			k.log.InfoContext(ctx, "keys file read again", "keys", len(k.table.Load().keys))
			fallthrough
		case err == nil:
			last = ""
		}
	}
}

// reload puts the file's keys in force if it changed.
func (k *Keys) reload() (changed bool, err error) {
	f, err := os.Open(k.path)
	if err != nil {
		return false, fmt.Errorf("read keys: %w", err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return false, fmt.Errorf("read keys: %w", err)
	}
	if len(content) > maxFileBytes {
		return false, fmt.Errorf("read keys: %s is larger than %d bytes", k.path, maxFileBytes)
	}
	sum := sha256.Sum256(content)
	if sum == k.seen {
		return false, nil
	}
	t, err := parse(content)
	if err != nil {
		return false, fmt.Errorf("read keys: %s: %w", k.path, err)
	}
	k.seen = sum
	k.table.Store(t)
	return true, nil
}

// entry is one key as the file has it.
type entry struct {
	SHA256 string   `yaml:"sha256"`
	Tenant string   `yaml:"tenant"`
	Rights []string `yaml:"rights"`
	Name   string   `yaml:"name"`
}

func parse(content []byte) (*table, error) {
	var entries []entry
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil {
		return nil, explain(err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document: write one list")
	}
	if len(entries) > maxKeys {
		return nil, fmt.Errorf("%d keys, more than %d", len(entries), maxKeys)
	}
	t := newTable(len(entries))
	for i, e := range entries {
		hash, id, err := e.identity()
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		d := t.digest(hash)
		if _, twice := t.keys[d]; twice {
			return nil, fmt.Errorf("key %d: its sha256 occurs before", i+1)
		}
		t.keys[d] = id
	}
	return t, nil
}

// explain words a YAML error without the file's content: somebody may have put
// a key where its hash belongs (A1).
func explain(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty; write [] to refuse every key")
	}
	where := ""
	if line := regexp.MustCompile(`line (\d+)`).FindString(err.Error()); line != "" {
		where = " at " + line
	}
	return fmt.Errorf("not a YAML list of {sha256, tenant, rights, name}%s", where)
}

func (e entry) identity() (hash [sha256.Size]byte, id Identity, err error) {
	b, err := hex.DecodeString(e.SHA256)
	if err != nil || len(b) != sha256.Size {
		return hash, id, errors.New("sha256 must be 64 hexadecimal digits: the SHA-256 of the key, not the key")
	}
	if !tenantName.MatchString(e.Tenant) {
		return hash, id, errors.New("tenant must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit")
	}
	id = Identity{Tenant: e.Tenant, Name: e.Name}
	for _, right := range e.Rights {
		switch right {
		case "write":
			id.Rights |= Write
		case "read":
			id.Rights |= Read
		default:
			return hash, id, errors.New("rights are write and read")
		}
	}
	if id.Rights == 0 {
		return hash, id, errors.New("a key without rights: give rights: [write], [read] or both")
	}
	return [sha256.Size]byte(b), id, nil
}
