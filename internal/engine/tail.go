package engine

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// tail keeps the last bytes of what a child wrote, for the error message when
// it fails. It is the child's standard output and error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// contains says whether the kept output has the text.
func (t *tail) contains(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.buf, []byte(text))
}

// forget drops what was kept.
func (t *tail) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = nil
}

// String is the kept output without what only a terminal understands.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	plain := escapes.ReplaceAllString(string(t.buf), "")
	return strings.TrimSpace(blankLines.ReplaceAllString(plain, "\n"))
}

var (
	escapes    = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\r")
	blankLines = regexp.MustCompile("\n\\s*\n")
)
