package embedded_test

import (
	"testing"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/bus/bustest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	b := open(t, config(t.TempDir()), nil)
	cfg := bus.Default()
	cfg.Brokers = []string{b.Addr()}
	t.Run("bus", func(t *testing.T) { bustest.Run(t, cfg) })
}
