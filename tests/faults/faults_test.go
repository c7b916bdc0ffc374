package faults_test

import "testing"

// TestFaultsOnKafka is the short form of the soak tests on a real Kafka.
func TestFaultsOnKafka(t *testing.T) {
	site := newSite(t)
	t.Run("kills", func(t *testing.T) { testKillRoundsKafka(t, site, killing{rounds: 2, rate: 4000}) })
}
