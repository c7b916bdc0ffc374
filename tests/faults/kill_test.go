package faults_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

// killing says how much is killed.
type killing struct {
	rounds int
	rate   float64 // spans a second that are sent meanwhile
	least  int     // recoveries that each state has to be met in
}

// battlefield is a plant of which processes are killed.
type battlefield struct {
	// aimed kills a process that stands at a named point, others one that does
	// not expect it; each starts the next life and returns when it serves.
	aimed  func()
	others []other
	// recovered counts the lives that are over.
	recovered recoveries
	// living adds those that are not.
	living func()
	// closed is how long nobody was at the doors.
	closed time.Duration
}

// closing is a kill that closes the doors until the next life opens them.
func (b *battlefield) closing(kill func()) func() {
	return func() {
		began := time.Now()
		kill()
		b.closed += time.Since(began)
	}
}

// other is a kill at a random moment; it comes so often in a hand of cards.
type other struct {
	name  string
	cards int
	kill  func()
}

// fight kills: an aimed round and a random one in turn, until there were as
// many as wanted and each state was met as often as wanted.
func (b *battlefield) fight(t *testing.T, l *load, k killing) {
	t.Helper()
	began, acked := time.Now(), l.acked.Load()
	var hand []int
	kills := map[string]int{}
	round := 0
	for ; round < k.rounds || b.recovered[b.recovered.rarest()] < k.least; round++ {
		if round == 2*k.rounds {
			t.Fatalf("the kills do not hit: recovered %v", b.recovered)
		}
		started, name := time.Now(), "aimed"
		if round%2 == 0 {
			b.aimed()
		} else {
			if len(hand) == 0 {
				hand = b.deal()
			}
			next := b.others[hand[0]]
			hand, name = hand[1:], next.name
			pause(t, 200*time.Millisecond, 1500*time.Millisecond)
			next.kill()
		}
		kills[name]++
		t.Logf("round %d: %s, %s; recovered %v", round+1, name, time.Since(started).Round(time.Millisecond), b.recovered)
	}
	took := time.Since(began)
	t.Logf("%d rounds in %s: %v", round, took.Round(time.Second), kills)
	t.Logf("the doors were closed for %s: %.0f spans a second were acked while they were open",
		b.closed.Round(time.Second), float64(l.acked.Load()-acked)/(took-b.closed).Seconds())
}

// conclude is for when all is stored: it counts what the last lives recovered.
func (b *battlefield) conclude(t *testing.T, k killing) {
	t.Helper()
	b.living()
	t.Logf("recovered intents: %v", b.recovered)
	if b.recovered.sum() == 0 {
		t.Errorf("no kill hit an open intent")
	}
	for state := range pointOf {
		if b.recovered[state] < k.least {
			t.Errorf("%d batches were found in state %q, want %d", b.recovered[state], state, k.least)
		}
	}
}

// deal gives the others in a random order, each as often as its cards say.
func (b *battlefield) deal() []int {
	var hand []int
	for i, o := range b.others {
		for range o.cards {
			hand = append(hand, i)
		}
	}
	rand.Shuffle(len(hand), func(i, j int) { hand[i], hand[j] = hand[j], hand[i] })
	return hand
}
