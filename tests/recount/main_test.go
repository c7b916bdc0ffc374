package recount

import (
	"testing"

	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

func TestMain(m *testing.M) {
	child.MainIfChild() // the ClickHouse of the processes
	harness.Main(m)
}
