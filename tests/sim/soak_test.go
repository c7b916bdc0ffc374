//go:build soak

package sim

import "testing"

// TestSoakSim plays ten thousand seeds.
func TestSoakSim(t *testing.T) {
	const seeds = 10_000
	playSeeds(t, seeds).expect(t, seeds)
}
