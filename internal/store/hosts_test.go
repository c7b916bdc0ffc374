package store

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestNextAddressIsTriedWhenOneDoesNotAnswer: the caller's next try goes on at
// the next address, and the clock is measured anew there.
func TestNextAddressIsTriedWhenOneDoesNotAnswer(t *testing.T) {
	t.Parallel()
	answers := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "1700000000000\n") }
	first, second := httptest.NewServer(http.HandlerFunc(answers)), httptest.NewServer(http.HandlerFunc(answers))
	defer second.Close()
	cfg := Default()
	cfg.URL, cfg.Others = first.URL, []string{second.URL + "/"}
	s := New(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	defer s.Close()
	if _, err := s.ServerTime(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
	if err := s.Ping(t.Context()); err == nil {
		t.Fatal("the closed server answered")
	}
	if _, err := s.clock.server(t.Context(), s.clock.measured); err != nil {
		t.Errorf("the second address: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ping(gone); err == nil || s.client.at.Load() != 1 {
		t.Errorf("a caller that went away says nothing about the server: %v, address %d", err, s.client.at.Load())
	}
	second.Close()
	if _, err := s.clock.server(t.Context(), s.clock.measured); err != nil {
		t.Errorf("a trusted clock asks nobody: %v", err)
	}
	s.clock.distrust()
	if _, err := s.clock.server(t.Context(), s.clock.measured); err == nil {
		t.Error("the closed server told its time")
	}
}
