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
	k := killing{rounds: number(t, "FAULTS_ROUNDS", 100), rate: float64(number(t, "FAULTS_RATE", 24_000))}
	k.least = k.rounds / 5
	testKillRoundsKafka(t, newSite(t), k)
}
