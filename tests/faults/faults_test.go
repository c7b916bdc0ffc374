package faults_test

import (
	"testing"
	"time"
)

// TestFaultsOnKafka is the short form of the soak tests on a real Kafka.
func TestFaultsOnKafka(t *testing.T) {
	site := newSite(t)
	t.Run("kills", func(t *testing.T) { testKillRoundsKafka(t, site, killing{rounds: 2, rate: 4000}) })
	t.Run("proxy", func(t *testing.T) { testProxy(t, site, 1, 2000) })
	t.Run("away", func(t *testing.T) { testAway(t, site, 5*time.Second, 2000) })
	t.Run("storm", func(t *testing.T) { testStorms(t, site, 4*time.Second, 2000) })
	t.Run("full disk", func(t *testing.T) { testDiskFull(t, site, 0, 2000) })
	t.Run("SIGTERM", func(t *testing.T) { testTerm(t, site, 1, 2000) })
}

// TestFaultsOnUp is that on the embedded pair.
func TestFaultsOnUp(t *testing.T) {
	testKillRoundsUp(t, killing{rounds: 2, rate: 2000})
}
