package service

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a service that a test steers.
type fake struct {
	name    string
	trace   *trace
	startup time.Duration // until it is ready; negative: never
	drain   time.Duration // from being asked to having stopped
	fail    error         // returned unasked after failAt
	failAt  time.Duration
	stopErr error
	ready   chan struct{}
}

// trace collects what happened, in order.
type trace struct {
	mu     sync.Mutex
	events []string
}

func (t *trace) add(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, s)
}

func (t *trace) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.events)
}

func (f *fake) Ready() <-chan struct{} { return f.ready }

func (f *fake) Run(ctx context.Context) error {
	f.trace.add("start " + f.name)
	defer f.trace.add("stop " + f.name)
	var failed <-chan time.Time
	if f.failAt > 0 {
		failed = time.After(f.failAt)
	}
	var serving <-chan time.Time
	if f.startup >= 0 {
		serving = time.After(f.startup)
	}
	for {
		select {
		case <-serving:
			close(f.ready)
			f.trace.add("ready " + f.name)
			serving = nil
		case <-failed:
			return f.fail
		case <-ctx.Done():
			<-time.After(f.drain)
			return f.stopErr
		}
	}
}

func last(tr *trace, n int) []string {
	all := tr.all()
	return all[len(all)-n:]
}

func group(tr *trace, fakes ...*fake) *Group {
	g := NewGroup(slog.New(slog.DiscardHandler))
	for _, f := range fakes {
		f.trace, f.ready = tr, make(chan struct{})
		g.Add(f.name, f, time.Second)
	}
	return g
}

func TestGroupStartsInOrderAndStopsInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(trace)
		g := group(tr, &fake{name: "bus", startup: 3 * time.Second}, &fake{name: "gateway", startup: time.Second, drain: 100 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		allReady := func() { tr.add("all ready"); cancel() }
		if err := g.Run(ctx, allReady); err != nil {
			t.Fatalf("Run: %v", err)
		}
		want := []string{"start bus", "ready bus", "start gateway", "ready gateway", "all ready", "stop gateway", "stop bus"}
		if got := tr.all(); !slices.Equal(got, want) {
			t.Errorf("events\n got %q\nwant %q", got, want)
		}
	})
}

func TestFirstErrorStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(trace)
		broken := errors.New("disk full")
		g := group(tr, &fake{name: "a"}, &fake{name: "b", fail: broken, failAt: 5 * time.Second}, &fake{name: "c"})
		err := g.Run(t.Context(), nil)
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "b: ") {
			t.Fatalf("Run: %v, want b: disk full", err)
		}
		if got := last(tr, 3); !slices.Equal(got, []string{"stop b", "stop c", "stop a"}) {
			t.Errorf("stops %q", got)
		}
	})
}

func TestReturningUnaskedIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := group(new(trace), &fake{name: "a", failAt: time.Second})
		if err := g.Run(t.Context(), nil); !errors.Is(err, ErrEnded) {
			t.Fatalf("Run: %v, want ErrEnded", err)
		}
	})
}

func TestFailureBeforeReadyStartsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(trace)
		broken := errors.New("port taken")
		g := group(tr, &fake{name: "a"}, &fake{name: "b", startup: -1, fail: broken, failAt: time.Second}, &fake{name: "c"})
		if err := g.Run(t.Context(), func() { t.Error("called ready") }); !errors.Is(err, broken) {
			t.Fatalf("Run: %v", err)
		}
		if slices.Contains(tr.all(), "start c") {
			t.Error("c was started")
		}
	})
}

func TestStopWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(trace)
		g := group(tr, &fake{name: "a"}, &fake{name: "b", startup: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx, func() { t.Error("called ready") }); err != nil {
			t.Fatalf("Run: %v", err)
		}
		if got := last(tr, 2); !slices.Equal(got, []string{"stop b", "stop a"}) {
			t.Errorf("stops %q", got)
		}
	})
}

func TestStopTimeoutIsReportedAndTheRestStillStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := new(trace)
		stuck := &fake{name: "stuck", drain: time.Hour}
		refusing := &fake{name: "refusing", stopErr: errors.New("flush: refused")}
		g := group(tr, &fake{name: "a"}, refusing, stuck)
		ctx, cancel := context.WithCancel(t.Context())
		err := g.Run(ctx, cancel)
		if err == nil || !strings.Contains(err.Error(), "stop stuck: still running after 1s") ||
			!strings.Contains(err.Error(), "stop refusing: flush: refused") {
			t.Errorf("Run: %v", err)
		}
		if !slices.Contains(tr.all(), "stop a") {
			t.Error("a was not stopped")
		}
		<-time.After(2 * time.Hour) // let the stuck one end inside the bubble
	})
}

func TestSecondSignalExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		received := make(chan os.Signal, 2)
		drained, code := 0, 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			watch(t.Context(), slog.New(slog.DiscardHandler), watched{
				received: received, quit: nil,
				drain: func() { drained++ }, exit: func(c int) { code = c },
			})
		}()
		received <- os.Interrupt
		synctest.Wait()
		if drained != 1 || code != 0 {
			t.Fatalf("after the first: drained %d, exit %d", drained, code)
		}
		received <- os.Interrupt
		<-done
		if drained != 1 || code != exitCode {
			t.Errorf("after the second: drained %d, exit %d", drained, code)
		}
	})
}

func TestSignalsDrainsOnSIGTERM(t *testing.T) {
	ctx, stop := Signals(t.Context(), slog.New(slog.DiscardHandler))
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the context did not end")
	}
}
