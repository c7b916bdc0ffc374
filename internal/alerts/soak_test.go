//go:build soak

package alerts

import "testing"

// TestSoakQuietDaysFireNothing replays a hundred quiet days.
func TestSoakQuietDaysFireNothing(t *testing.T) { quiet(t, 100) }
