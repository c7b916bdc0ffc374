package sim

import (
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) { testkit.MainNoLeaks(m) }
