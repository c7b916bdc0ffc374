//go:build soak

package faults_test

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// number is what an environment variable says, else the default.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// span is number for a duration.
func span(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// TestSoakKillRoundsKafka: a hundred kills, half of them between two steps of
// the protocol.
func TestSoakKillRoundsKafka(t *testing.T) {
	k := killing{rounds: number(t, "FAULTS_ROUNDS", 100), rate: float64(number(t, "FAULTS_RATE", 26_000))}
	k.least = k.rounds / 5
	testKillRoundsKafka(t, newSite(t), k)
}

// TestSoakKillRoundsUp: thirty kills on the embedded pair.
func TestSoakKillRoundsUp(t *testing.T) {
	k := killing{rounds: number(t, "FAULTS_UP_ROUNDS", 30), rate: float64(number(t, "FAULTS_UP_RATE", 12_000))}
	k.least = k.rounds / 10
	testKillRoundsUp(t, k)
}

// TestSoakFaultProxy: each fault between writers and ClickHouse, again and again.
func TestSoakFaultProxy(t *testing.T) {
	testProxy(t, newSite(t), number(t, "FAULTS_TURNS", 10), 8000)
}

// TestSoakClickHouseAway: ten minutes without it.
func TestSoakClickHouseAway(t *testing.T) {
	testAway(t, newSite(t), span(t, "FAULTS_AWAY", 10*time.Minute), float64(number(t, "FAULTS_AWAY_RATE", 8000)))
}

// TestSoakRebalanceStorm: two minutes of coming and going, in both protocols.
func TestSoakRebalanceStorm(t *testing.T) {
	testStorms(t, newSite(t), span(t, "FAULTS_STORM", 2*time.Minute), 8000)
}

// TestSoakDiskFull: a minute without room for another row.
func TestSoakDiskFull(t *testing.T) {
	site := newSite(t)
	t.Run("volume", func(t *testing.T) { testDiskFull(t, site, time.Minute, 1000) })
	t.Run("setting", func(t *testing.T) { testVolume(t, site, reservedVolume(t, site.ClickHouse), time.Minute, 1000) })
}

// TestSoakTerm: everything is stopped in order under load, ten times.
func TestSoakTerm(t *testing.T) {
	testTerm(t, newSite(t), 10, 8000)
}
