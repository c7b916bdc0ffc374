package testkit

import (
	"testing"
	"time"
)

// pollEvery is how often Eventually asks again: often enough not to be felt,
// seldom enough not to load what it watches.
const pollEvery = 20 * time.Millisecond

// Eventually asks check until it returns nil, and fails the test with its last
// answer when that took longer than timeout. It is for what happens in other
// processes; inside one process wait on a channel, or use testing/synctest.
func Eventually(t testing.TB, timeout time.Duration, check func() error) {
	t.Helper()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("after %v still: %v", timeout, err)
		case <-t.Context().Done():
			t.Fatalf("test ended while waiting: %v", err)
		}
	}
}
