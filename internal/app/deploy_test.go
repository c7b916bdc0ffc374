package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDDLPrintsStatementsToPipe(t *testing.T) {
	code, out, errs := command(t, "ddl")
	if code != 0 || !strings.HasPrefix(out, "CREATE DATABASE IF NOT EXISTS spanmill;\n\nCREATE TABLE IF NOT EXISTS spanmill.spans\n(") || strings.Contains(out, "Replicated") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	code, out, errs = command(t, "ddl", "--cluster", "prod")
	if code != 0 || !strings.Contains(out, "\nENGINE = Distributed('prod', 'spanmill_local', 'rollups', cityHash64(tenant, view, metric))") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	if code, _, errs = command(t, "ddl", "--cluster", "x' DROP"); code == 0 || !strings.Contains(errs, "a cluster's name") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestHealthIsTheExitCode(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("alive\n")) })
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not ready\nbus: no broker", http.StatusServiceUnavailable)
	})
	server := httptest.NewServer(mux)
	addr := strings.TrimPrefix(server.URL, "http://")
	if code, out, errs := command(t, "health", "--alive", "--admin", addr); code != 0 || out != "alive\n" {
		t.Errorf("exit %d: %q %s", code, out, errs)
	}
	if code, _, errs := command(t, "health", "--admin", addr); code != 1 || !strings.Contains(errs, "bus: no broker") {
		t.Errorf("exit %d: %s", code, errs)
	}
	server.Close()
	if code, _, errs := command(t, "health", "--admin", addr); code != 1 || !strings.Contains(errs, "refused") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
