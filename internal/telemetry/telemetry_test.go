package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs an admin server for the test and gives its base URL.
func serve(t *testing.T, checks ...Check) string {
	t.Helper()
	a := NewAdmin("127.0.0.1:0", NewRegistry(), checks, slog.New(slog.DiscardHandler))
	if got := a.Addr(); got != "" {
		t.Errorf("Addr before Ready: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-a.Ready()
	return "http://" + a.Addr()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestAdminPaths(t *testing.T) {
	t.Parallel()
	passes := Check{"bus", func(context.Context) error { return nil }}
	base := serve(t, passes)
	for path, want := range map[string]string{
		"/health":                   "alive",
		"/ready":                    "ready",
		"/metrics":                  "go_goroutines",
		"/debug/pprof/":             "goroutine",
		"/debug/pprof/heap?debug=1": "heap profile",
	} {
		status, body := get(t, base+path)
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d, want 200 with %q", path, status, want)
		}
	}
	if status, _ := get(t, base+"/"); status != http.StatusNotFound {
		t.Errorf("GET /: %d, want 404", status)
	}
}

func TestReadyNamesWhatFails(t *testing.T) {
	t.Parallel()
	base := serve(t,
		Check{"bus", func(context.Context) error { return errors.New("no broker answers") }},
		Check{"clickhouse", func(context.Context) error { return nil }},
		Check{"hanging", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
	status, body := get(t, base+"/ready")
	want := "not ready\nbus: no broker answers\nhanging: context deadline exceeded\n"
	if status != http.StatusServiceUnavailable || body != want {
		t.Errorf("GET /ready: %d %q, want 503 %q", status, body, want)
	}
}

func TestRegistriesAreIndependent(t *testing.T) {
	t.Parallel()
	one, two := NewRegistry(), NewRegistry()
	if one == two {
		t.Error("one registry for two")
	}
}

func TestLoggerWritesJSONToFiles(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log, err := NewLogger(f, "warn")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hidden")
	log.Warn("shown", "partition", 3)
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); !strings.HasPrefix(got, "{") || !strings.Contains(got, `"partition":3`) || strings.Contains(got, "hidden") {
		t.Errorf("log %q", got)
	}
	if _, err := NewLogger(f, "loud"); err == nil {
		t.Error("level loud accepted")
	}
}
