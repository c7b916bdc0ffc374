package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/sender"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// catchUp bounds how long the tables may lag behind when sending has ended.
const catchUp = 20 * time.Minute

// workers send at once, requests of so many spans.
const workers, batch = 8, 512

// load is spans being sent, and the ledger of them.
type load struct {
	file   string
	book   *ledger.Ledger
	cancel context.CancelFunc
	ended  chan struct{} // closed when totals and err are final
	acked  atomic.Uint64 // so far
	totals sender.Totals
	err    error
}

// startLoad sends at a rate in spans a second until stop. A request that is not
// answered for good is sent again soon: what is measured is the product.
func startLoad(t *testing.T, otlpHTTP string, rate float64) *load {
	t.Helper()
	l := &load{file: filepath.Join(t.TempDir(), "ledger"), ended: make(chan struct{})}
	options := demo.DefaultOptions(rand.Uint64(), time.Now())
	generator, err := demo.NewGenerator(options)
	if err != nil {
		t.Fatal(err)
	}
	if l.book, err = ledger.Open(l.file, options); err != nil {
		t.Fatal(err)
	}
	cfg := sender.DefaultConfig("http://" + otlpHTTP + "/v1/traces")
	cfg.Rate, cfg.Workers, cfg.BatchSpans = rate, workers, batch
	cfg.MaxBackoff, cfg.Grace = 400*time.Millisecond, time.Minute
	cfg.ProgressEvery, cfg.Progress = 20*time.Millisecond, func(s sender.Totals) { l.acked.Store(s.Acked) }
	ctx, cancel := context.WithCancel(t.Context())
	l.cancel = cancel
	go func() { // ends with ctx
		defer close(l.ended)
		l.totals, l.err = sender.Send(ctx, generator, l.book, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		<-l.ended
		l.book.Close()
	})
	return l
}

// awaitMore waits until so many more spans are acked.
func (l *load) awaitMore(t *testing.T, spans uint64) {
	t.Helper()
	from := l.acked.Load()
	harness.Eventually(t, func() error {
		if got := l.acked.Load() - from; got < spans {
			return fmt.Errorf("%d spans more are acked, want %d", got, spans)
		}
		return nil
	})
}

// stop lets requests under way end and begins no other one.
func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	<-l.ended
	if l.err != nil {
		t.Fatalf("send: %v", l.err)
	}
	s := l.totals
	t.Logf("%d spans acked in %s, %.0f a second; %d in doubt, %d refused, %d retries",
		s.Acked, s.Elapsed.Round(time.Millisecond), float64(s.Acked)/s.Elapsed.Seconds(), s.Doubt, s.Refused, s.Retries)
}

// place is where the tables and the log of a plant are.
type place struct {
	at interface {
		Query(ctx context.Context, query string) (string, error)
	}
	// target leads `spanmill ledger` there, history `spanmill verify`.
	target, history []string
}

// exact holds the tables against the ledger and against the log, row by row.
func (l *load) exact(t *testing.T, p place) {
	t.Helper()
	began := time.Now()
	testkit.Eventually(t, catchUp, func() error {
		answer, err := p.at.Query(t.Context(), "SELECT count() FROM spans")
		if err != nil {
			return err
		}
		if rows, err := strconv.ParseUint(answer, 10, 64); err != nil || rows < l.totals.Acked {
			return fmt.Errorf("%s rows of %d acked spans, %w", answer, l.totals.Acked, err)
		}
		return nil
	})
	t.Logf("the tables had caught up after %s", time.Since(began).Round(time.Millisecond))
	t.Logf("ledger: %s", spanmill(t, append([]string{"ledger", l.file, "--wait", "5m"}, p.target...)...))
	t.Logf("verify: %s", spanmill(t, append([]string{"verify"}, p.history...)...))
	t.Logf("compared in %s", time.Since(began).Round(time.Millisecond))
}

// spanmill runs a command that has to succeed, and gives its answer.
func spanmill(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Build(t, ""), args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs // progress, and what went wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("spanmill %s: %v\n%s%s", strings.Join(args, " "), err, out, errs.String())
	}
	return strings.TrimSpace(string(out))
}

// pause lets what is under test go on for a while, of which a random part is
// cut.
func pause(t *testing.T, least, most time.Duration) {
	t.Helper()
	timer := time.NewTimer(least + rand.N(most-least+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
