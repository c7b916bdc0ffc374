package store_test

import (
	"testing"

	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/store/storetest"
)

// TestEngineConforms: the embedded engine is a ClickHouse as writers expect it.
func TestEngineConforms(t *testing.T) {
	t.Parallel()
	at := enginetest.Start(t).Endpoint()
	cfg := store.Default()
	cfg.URL, cfg.User, cfg.Password = "http://"+at.HTTPAddr, at.User, at.Password
	storetest.Run(t, cfg)
}
