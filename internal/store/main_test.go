package store

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) {
	engine.MainIfChild()
	testkit.MainNoLeaks(m)
}

// bundle is a store with its tables on an engine of its own.
type bundle struct {
	*Store
	engine *engine.Engine
	reg    *prometheus.Registry
}

func setup(t testing.TB, change ...func(*Config)) *bundle {
	t.Helper()
	b := &bundle{engine: enginetest.Start(t), reg: prometheus.NewRegistry()}
	at := b.engine.Endpoint()
	cfg := Default()
	cfg.URL, cfg.User, cfg.Password = "http://"+at.HTTPAddr, at.User, at.Password
	for _, f := range change {
		f(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	b.Store = New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), b.reg)
	t.Cleanup(b.Store.Close)
	if err := b.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// query gives the answer in TSV.
func (b *bundle) query(t testing.TB, sql string) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Query(t.Context(), sql, "TSVRaw", &out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func (b *bundle) expect(t testing.TB, want, sql string) {
	t.Helper()
	if got := b.query(t, sql); got != want {
		t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

// exec runs a statement through the client with settings of its own.
func (b *bundle) exec(ctx context.Context, sql string) error {
	return b.client.exec(ctx, request{sql: sql, settings: settings()})
}
