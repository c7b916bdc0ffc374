package pricing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFileBytes bounds a price file; LiteLLM's own has 3 MB.
const maxFileBytes = 32 << 20

// Config names the price files.
type Config struct {
	// Files are price files in our own format (YAML) or LiteLLM's (JSON); a time
	// behind an @ is from when a LiteLLM file is in force.
	Files []string
	// OnlyFiles leaves the shipped catalogue out.
	OnlyFiles bool
}

// Load reads all books there are.
func Load(cfg Config) (*Books, error) {
	var books []*Book
	if !cfg.OnlyFiles {
		shipped, err := Shipped()
		if err != nil {
			return nil, fmt.Errorf("read the shipped prices: %w", err)
		}
		books = append(books, shipped...)
	}
	for _, name := range cfg.Files {
		more, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("read prices from %s: %w", name, err)
		}
		books = append(books, more...)
	}
	return NewBooks(books...)
}

// Validate reports every file that cannot be used.
func (c Config) Validate() error {
	var errs []error
	for _, name := range c.Files {
		if _, err := readFile(name); err != nil {
			errs = append(errs, fmt.Errorf("read prices from %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// readFile reads one file, as its name says: FILE or FILE@TIME.
func readFile(name string) ([]*Book, error) {
	at := time.UnixMilli(0).UTC()
	path, moment, dated := cutTime(name)
	if dated {
		at = moment
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFileBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFileBytes)
	}
	version := versionOf(path, content)
	if !bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		if dated {
			return nil, errors.New("a file in our own format says itself from when it is in force: effective_at")
		}
		return parseOwn(content, version)
	}
	b, err := parseLiteLLM(content, version, at)
	if err != nil {
		return nil, err
	}
	return []*Book{b}, nil
}

// cutTime takes the time off FILE@TIME.
func cutTime(name string) (path string, at time.Time, ok bool) {
	if i := strings.LastIndexByte(name, '@'); i > 0 {
		if at, err := time.Parse(time.RFC3339, name[i+1:]); err == nil {
			return name[:i], at.UTC(), true
		}
	}
	return name, time.Time{}, false
}

// versionOf names a file's content: what a row says it was priced by must not
// change with the file.
func versionOf(path string, content []byte) string {
	sum := sha256.Sum256(content)
	base := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return base + "@" + hex.EncodeToString(sum[:6])
}
