package harness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// Hook is a webhook that takes what alerts tell it.
type Hook struct {
	url string

	mu   sync.Mutex
	told []string
}

// NewHook listens until the test ends.
func NewHook(t testing.TB) *Hook {
	t.Helper()
	h := &Hook{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, string(body))
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// Told are the bodies that came, in order.
func (h *Hook) Told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.told)
}

// Alerts writes an alerts.yaml whose only receiver is the hook.
func (h *Hook) Alerts(t testing.TB, rules string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "alerts.yaml")
	if err := os.WriteFile(path, []byte("receivers: [{name: hook, webhook: '"+h.url+"'}]\n"+rules+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
