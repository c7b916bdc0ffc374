package embedded_test

import (
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) {
	if runAsChild() {
		return
	}
	testkit.MainNoLeaks(m)
}
