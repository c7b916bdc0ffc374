package harness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
)

// Page asks the admin listener.
func (p *Process) Page(t testing.TB, path string) (status int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Admin+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// Metrics is the page of its metrics.
func (p *Process) Metrics(t testing.TB) string {
	t.Helper()
	status, page, err := p.Page(t, "/metrics")
	if err != nil || status != http.StatusOK {
		t.Fatalf("metrics of %s: %d, %v", p.Name, status, err)
	}
	return page
}

// AwaitReady waits until the process says that it is ready.
func (p *Process) AwaitReady(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, startTimeout, func() error {
		p.mustLive(t)
		status, body, err := p.Page(t, "/ready")
		if err == nil && status != http.StatusOK {
			err = errors.New(body)
		}
		return err
	})
}

// AwaitWaiting waits until the process is alive, not ready for the given
// reason, and has said so in its log.
func (p *Process) AwaitWaiting(t testing.TB, reason string) {
	t.Helper()
	Eventually(t, func() error {
		if err := p.notReady(t, reason); err != nil {
			return err
		}
		if !strings.Contains(p.Log(), reason) {
			return fmt.Errorf("the log does not say %q", reason)
		}
		return nil
	})
}

// AwaitNotReady waits until the process is alive and not ready for the reason.
func (p *Process) AwaitNotReady(t testing.TB, reason string) {
	t.Helper()
	Eventually(t, func() error { return p.notReady(t, reason) })
}

func (p *Process) notReady(t testing.TB, reason string) error {
	t.Helper()
	if status, _, err := p.Page(t, "/health"); err != nil || status != http.StatusOK {
		return fmt.Errorf("health: %d, %w", status, err)
	}
	status, body, err := p.Page(t, "/ready")
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(body, reason) {
		return fmt.Errorf("ready: %d %s, %w; want 503 and %q", status, body, err, reason)
	}
	return nil
}
