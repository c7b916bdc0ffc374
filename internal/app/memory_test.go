package app

import "testing"

// TestMemoryTargetLeavesRoomBesideTheWindows: a writer that owns all twelve
// partitions of a topic has 390 MiB of windows, above its limit of 350.
func TestMemoryTargetLeavesRoomBesideTheWindows(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, c := range []struct{ limit, windows, want int64 }{
		{350 * mib, 0, 350 * mib},
		{350 * mib, 190 * mib, 350 * mib},
		{350 * mib, 390 * mib, 550 * mib},
		{240 * mib, 33 * mib, 240 * mib},
	} {
		if got := memoryTarget(c.limit, c.windows); got != c.want {
			t.Errorf("limit %d MiB, windows %d MiB: target %d MiB, want %d", c.limit/mib, c.windows/mib, got/mib, c.want/mib)
		}
	}
}
