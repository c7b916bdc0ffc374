package testkit

import (
	"testing"

	"go.uber.org/goleak"
)

// MainNoLeaks runs a package's tests and fails them when goroutines are left
// over. Call it from TestMain.
func MainNoLeaks(m *testing.M) { goleak.VerifyTestMain(m) }
