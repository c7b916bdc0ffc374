package testkit

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// MainNoLeaks runs a package's tests, then the cleanups, and fails the package
// when goroutines are left over. Call it from TestMain; it does not return.
func MainNoLeaks(m *testing.M, cleanups ...func()) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		for _, cleanup := range cleanups {
			cleanup()
		}
		os.Exit(code)
	}))
}
