package engine_test

import (
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
)

// An insert that finds its volume full half way is acknowledged by ClickHouse
// 26.7 all the same, now and then, with a part of empty files: the engine must
// refuse before.
func TestLeavesSpaceOnItsVolume(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir())
	e, stop := enginetest.Run(t, cfg, prometheus.NewRegistry())
	want(t, e.Endpoint(), "SELECT keep_free_space FROM system.disks", strconv.FormatInt(engine.Default().KeepFreeBytes, 10))
	query(t, e.Endpoint(), "CREATE TABLE rows (n UInt64) ENGINE MergeTree ORDER BY n")
	query(t, e.Endpoint(), "INSERT INTO rows VALUES (1)")
	stop()

	cfg.KeepFreeBytes = 1 << 62 // more than there is
	e, _ = enginetest.Run(t, cfg, prometheus.NewRegistry())
	_, err := do(t, e.Endpoint(), call{query: "INSERT INTO rows VALUES (2)"})
	wantCode(t, err, 243)
	want(t, e.Endpoint(), "SELECT count() FROM rows", "1")
}
