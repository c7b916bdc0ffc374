package sender_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/demo"
	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/sender"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a server that answers as told, and what it was sent.
type bundle struct {
	gen    *demo.Generator
	ledger *ledger.Ledger
	config sender.Config

	mu     sync.Mutex
	bodies []string
	times  []time.Time
}

// setup starts a server that answers try n, from 0, with answer(n).
func setup(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *bundle {
	t.Helper()
	o := demo.DefaultOptions(3, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
	gen, err := demo.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{gen: gen, ledger: ledger.New(o)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			return // the client went away
		}
		b.mu.Lock()
		n := len(b.bodies)
		b.bodies = append(b.bodies, string(text))
		b.times = append(b.times, time.Now())
		b.mu.Unlock()
		answer(n, w, r)
	}))
	t.Cleanup(server.Close)
	b.config = sender.DefaultConfig(server.URL + "/v1/traces")
	b.config.Workers, b.config.BatchSpans, b.config.Spans = 1, 100, 100
	b.config.MinBackoff, b.config.MaxBackoff = time.Millisecond, 2*time.Millisecond
	return b
}

func (b *bundle) send(t *testing.T) (sender.Totals, error) {
	t.Helper()
	return sender.Send(t.Context(), b.gen, b.ledger, b.config)
}

func (b *bundle) outcomes() (all []ledger.Outcome) {
	for _, e := range b.ledger.Entries() {
		all = append(all, e.Outcome)
	}
	return all
}

// spans counts the spans of a body, by pdata.
func spans(t *testing.T, body string) int {
	t.Helper()
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto([]byte(body)); err != nil {
		t.Fatal(err)
	}
	return req.Traces().SpanCount()
}

func TestRetryableAnswersAreRetriedWithTheSameBytes(t *testing.T) {
	t.Parallel()
	statuses := []int{429, 502, 503, 504, 0, 200}
	b := setup(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if statuses[n] == 0 {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		w.WriteHeader(statuses[n])
	})
	totals, err := b.send(t)
	if err != nil {
		t.Fatal(err)
	}
	if totals.Acked != 100 || totals.Retries != 5 || totals.Requests != 6 {
		t.Errorf("totals %+v", totals)
	}
	for i, body := range b.bodies {
		if body != b.bodies[0] {
			t.Errorf("try %d sends other bytes", i)
		}
	}
	if got := b.outcomes(); len(got) != 1 || got[0] != ledger.Acked {
		t.Errorf("outcomes %v", got)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	b := setup(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if _, err := b.send(t); err != nil {
		t.Fatal(err)
	}
	if wait := b.times[1].Sub(b.times[0]); wait < time.Second {
		t.Errorf("came again after %v", wait)
	}
}

func TestRefusalIsRecordedAndSendingGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			_, _ = io.WriteString(w, "body too large")
		}
	})
	b.config.Spans = 250
	totals, err := b.send(t)
	if err != nil {
		t.Fatal(err)
	}
	e := b.ledger.Entries()
	if len(e) != 3 || e[0].Outcome != ledger.Acked || e[1].Outcome != ledger.Refused || e[2].Outcome != ledger.Acked {
		t.Errorf("entries %+v", e)
	}
	if !strings.HasPrefix(e[1].Reason, "413 body too large") {
		t.Errorf("reason %q", e[1].Reason)
	}
	if totals.Acked != 150 || totals.Refused != 100 || spans(t, b.bodies[2]) != 50 {
		t.Errorf("totals %+v, last request of %d spans", totals, spans(t, b.bodies[2]))
	}
}

func TestRefusalAfterAnUnclearTryLeavesDoubt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	totals, err := b.send(t)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.outcomes(); got[0] != ledger.Doubt || totals.Doubt != 100 {
		t.Errorf("outcomes %v, totals %+v", got, totals)
	}
}

func TestPartialSuccessIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		resp := ptraceotlp.NewExportResponse()
		resp.PartialSuccess().SetRejectedSpans(3)
		resp.PartialSuccess().SetErrorMessage("span_too_large: 3")
		body, err := resp.MarshalProto()
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	})
	totals, err := b.send(t)
	if err != nil {
		t.Fatal(err)
	}
	e := b.ledger.Entries()[0]
	if e.Outcome != ledger.Partial || e.Rejected != 3 || e.Reason != "span_too_large: 3" || totals.Acked != 97 {
		t.Errorf("entry %+v, totals %+v", e, totals)
	}
}

func TestWrongKeyStopsSending(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	b.config.Spans, b.config.Workers = 0, 3
	if _, err := b.send(t); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error %v", err)
	}
	b.config.Header = http.Header{"Authorization": {"Bearer right"}}
	b.config.Spans = 300
	totals, err := b.send(t)
	if err != nil || totals.Acked != 300 {
		t.Errorf("with the key: %+v, %v", totals, err)
	}
}

// TestEndOfContextLeavesDoubtOnlyWhereThereIsDoubt ends it while one request is
// under way: it may finish, and no other begins.
func TestEndOfContextLeavesDoubtOnlyWhereThereIsDoubt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := setup(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		switch n {
		case 0:
		case 1: // under way when the context ends: finishes
			cancel()
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	b.config.Spans = 0
	totals, err := sender.Send(ctx, b.gen, b.ledger, b.config)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.outcomes(); len(got) != 2 || got[1] != ledger.Acked || totals.Acked != 200 {
		t.Errorf("outcomes %v, totals %+v", got, totals)
	}
}

func TestServerThatHangsIsLeftAfterTheGrace(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release := make(chan struct{})
	b := setup(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		cancel()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	b.config.Grace = 20 * time.Millisecond
	totals, err := sender.Send(ctx, b.gen, b.ledger, b.config)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.outcomes(); len(got) != 1 || got[0] != ledger.Doubt || totals.Doubt != 100 {
		t.Errorf("outcomes %v, totals %+v", got, totals)
	}
}

func TestSendingGoesOnWhereTheLedgerEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, func(int, http.ResponseWriter, *http.Request) {})
	b.config.Workers, b.config.Spans, b.config.Gzip = 3, 1000, true
	for range 2 {
		if _, err := b.send(t); err != nil {
			t.Fatal(err)
		}
	}
	total, at := 0, demo.Position{}
	for _, e := range b.ledger.Entries() {
		if e.From != at || e.Outcome != ledger.Acked {
			t.Errorf("entry %+v after %v", e, at)
		}
		at = e.To
		total += e.Spans
	}
	sent := 0
	for _, body := range b.bodies {
		sent += spans(t, body)
	}
	if total != 2000 || sent != 2000 {
		t.Errorf("%d spans in the ledger, %d received, want 2000", total, sent)
	}
}

func TestRateIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t, func(int, http.ResponseWriter, *http.Request) {})
	b.config.Spans, b.config.Rate = 600, 2000
	var calls int
	b.config.Progress, b.config.ProgressEvery = func(sender.Totals) { calls++ }, 50*time.Millisecond
	totals, err := b.send(t)
	if err != nil {
		t.Fatal(err)
	}
	// 600 spans at 2000/s less the tenth of a second it may be ahead.
	if totals.Elapsed < 150*time.Millisecond || calls < 1 {
		t.Errorf("took %v, %d progress calls", totals.Elapsed, calls)
	}
}
