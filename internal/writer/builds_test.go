package writer

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

func testBuilds() *builds {
	cfg := Config{CatchUp: 2, Pipeline: pipeline.Config{Limits: pipeline.Limits{MaxAge: time.Second}}}
	return newBuilds(cfg, make(chan struct{}, cfg.CatchUp), func() *build { return newBuild(&fakeWorld{}) })
}

// TestBacklogsTakeTurns: a third partition with a backlog waits until one of
// two has landed its batch; one that keeps up does not.
func TestBacklogsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := testBuilds()
		old := time.Now()
		<-time.After(time.Hour) // virtual
		first := mustLend(t, b, old)
		second := mustLend(t, b, time.Time{}) // an adopted batch
		fresh := mustLend(t, b, time.Now())
		var third *build
		go func() { third = mustLend(t, b, old) }()
		synctest.Wait()
		if third != nil {
			t.Fatal("three partitions work off their backlogs, two may")
		}
		b.back(fresh)
		synctest.Wait()
		if third != nil {
			t.Fatal("a batch that had no turn gave one back")
		}
		b.back(first)
		synctest.Wait()
		if third == nil {
			t.Fatal("a batch has landed and nobody took its turn")
		}
		b.back(second)
		b.back(third)
		b.back(nil)
		if len(b.turns) != 0 {
			t.Errorf("%d turns are taken and no batch is open", len(b.turns))
		}
	})
}

func TestWaitForATurnEnds(t *testing.T) {
	t.Parallel()
	b := testBuilds()
	mustLend(t, b, time.Time{})
	mustLend(t, b, time.Time{})
	ctx, cancel := context.WithCancelCause(t.Context())
	revoked := errors.New("revoked")
	cancel(revoked)
	if _, err := b.lend(ctx, time.Time{}); !errors.Is(err, revoked) {
		t.Errorf("got %v, want the end of the wait", err)
	}
}

func TestLentBuildsAreEmpty(t *testing.T) {
	t.Parallel()
	s, _ := testStage(t)
	feed(t, s, record(0, request(t, 1, 2)))
	if s.spans.Rows() != 2 {
		t.Fatalf("%d rows", s.spans.Rows())
	}
	begin(t, s)
	if rows, traces := s.spans.Rows(), len(s.traces.parts); rows != 0 || traces != 0 {
		t.Errorf("%d rows and %d traces of the batch before", rows, traces)
	}
}

func mustLend(t *testing.T, b *builds, received time.Time) *build {
	t.Helper()
	lent, err := b.lend(t.Context(), received)
	if err != nil {
		t.Error(err)
	}
	return lent
}
