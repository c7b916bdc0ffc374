package race

import (
	"testing"

	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) {
	child.MainIfChild()
	testkit.MainNoLeaks(m)
}
