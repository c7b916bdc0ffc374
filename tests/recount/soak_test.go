//go:build soak

package recount

import (
	"testing"
	"testing/synctest"
)

// TestSoakRecount plays a million spans.
func TestSoakRecount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { recount(t, 2, 1_000_000, 30) })
}
