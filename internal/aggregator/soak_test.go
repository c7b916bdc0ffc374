//go:build soak

package aggregator

import "testing"

// TestSoakMillionNamesStayBounded has a million names.
func TestSoakMillionNamesStayBounded(t *testing.T) { madeUpNames(t, 1_000_000) }
