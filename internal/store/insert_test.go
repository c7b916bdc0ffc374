package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// days makes a block with one row for each of the days.
func days(list ...uint16) *SpanBlock {
	b := NewSpanBlock()
	for i, d := range list {
		r := fullRow()
		r.PartDay, r.Offset, r.RetentionDays = d, int64(i), 1000
		b.one(r)
	}
	return b
}

func soon() time.Time { return time.Now().Add(time.Minute) }

func testScratchLeavesNothing(t *testing.T, b *bundle) {
	before := b.query(t, "SELECT count() FROM system.tables WHERE database = currentDatabase() OR is_temporary")
	done := make(chan error)
	for range 3 { // partitions bisect at once
		go func() { done <- b.Spans().InsertScratch(t.Context(), days(testDay)) }()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.expect(t, before+"\t0", "SELECT count(), (SELECT count() FROM spans) FROM system.tables WHERE database = currentDatabase() OR is_temporary")
}

func testADataRejectionIsTold(t *testing.T, b *bundle) {
	if err := b.exec(t.Context(), "ALTER TABLE spans ADD CONSTRAINT short CHECK length(name) < 10"); err != nil {
		t.Fatal(err)
	}
	block := days(testDay)
	long := fullRow()
	long.Span.Name = strings.Repeat("n", 10)
	block.one(long)
	err := b.Spans().Insert(t.Context(), block, "t", soon(), nil)
	if !errors.Is(err, pipeline.ErrRejected) || !strings.Contains(err.Error(), "Constraint `short`") {
		t.Errorf("insert: %v", err)
	}
	if strings.Contains(err.Error(), long.Span.Name) {
		t.Errorf("the error quotes content: %v", err)
	}
	b.expect(t, "0", "SELECT count() FROM spans")
	if err := b.Spans().InsertScratch(t.Context(), block); !errors.Is(err, pipeline.ErrRejected) {
		t.Errorf("scratch: %v", err)
	}
}

func TestAServerThatIsAwayIsRetried(t *testing.T) {
	t.Parallel()
	s := New(Config{URL: "http://127.0.0.1:1", User: "u", Database: "d", MaxConns: 2, DialTimeout: time.Second, InsertTimeout: time.Second, AskTimeout: time.Second, ClockMaxAge: time.Second},
		discard(), nil)
	defer s.Close()
	err := s.Spans().Insert(t.Context(), days(testDay), "t", soon(), nil)
	for _, class := range []error{pipeline.ErrRejected, pipeline.ErrDeadline, pipeline.ErrFatal} {
		if err == nil || errors.Is(err, class) {
			t.Errorf("%v is %v", err, class)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code  int
		text  string
		class error
	}{
		{469, "Code: 469. DB::Exception: Constraint `in_time` for table spanmill.spans (d8c5) is violated at row 1. (VIOLATED_CONSTRAINT) (version 26.7.2.1)", pipeline.ErrDeadline},
		{469, "Code: 469. DB::Exception: Constraint `theirs` for table spanmill.spans (d8c5) is violated at row 1. (VIOLATED_CONSTRAINT) (version 26.7.2.1)", pipeline.ErrRejected},
		{252, "Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100). (TOO_MANY_PARTS)", pipeline.ErrFatal},
		{252, "Code: 252. DB::Exception: Too many parts (300). Merges are processing significantly slower than inserts. (TOO_MANY_PARTS)", nil},
		{117, "Code: 117. DB::Exception: bad. (INCORRECT_DATA)", pipeline.ErrRejected},
		{62, "Code: 62. DB::Exception: bad. (SYNTAX_ERROR)", pipeline.ErrFatal},
		{159, "", nil},
		{160, "", nil},
		{202, "", nil},
		{241, "", nil},
		{242, "", nil},
		{243, "", nil},
		{319, "", nil},
		{516, "", nil},
		{999, "", nil},
		{0, "bad gateway", nil},
	} {
		h := http.Header{"X-Clickhouse-Exception-Code": {fmt.Sprint(c.code)}}
		err := fmt.Errorf("insert: %w", newServerError(500, h, c.text))
		for _, class := range []error{pipeline.ErrRejected, pipeline.ErrDeadline, pipeline.ErrFatal} {
			if is, want := errors.Is(err, class), errors.Is(c.class, class); is != want {
				t.Errorf("%v is %v: %v", err, class, is)
			}
		}
		if CodeOf(err) != c.code {
			t.Errorf("code of %v is %d", err, CodeOf(err))
		}
	}
	if got := newServerError(500, nil, "Code: 117. DB::Exception: bad. (INCORRECT_DATA) (version 26.7.2.1)\n").Error(); got != "clickhouse: code 117: bad. (INCORRECT_DATA)" {
		t.Error(got)
	}
}

// TestAGivenUpInsertLetsGoOfTheBlock: once Insert has returned, what is
// appended next cannot reach the connection. The race detector is the judge,
// and the server, which must not see a complete body.
func TestAGivenUpInsertLetsGoOfTheBlock(t *testing.T) {
	t.Parallel()
	begun, reused, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("insert_deduplication_token") {
			fmt.Fprintln(w, time.Now().UnixMilli())
			return
		}
		_, _ = io.ReadFull(r.Body, make([]byte, 1000))
		close(begun)
		<-reused
		_, err := io.Copy(io.Discard, r.Body)
		read <- err
	}))
	defer server.Close()
	cfg := Default()
	cfg.URL = server.URL
	s := New(cfg, discard(), nil)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // ends with the test's request
		<-begun
		cancel()
	}()
	block := newCorpus(6).block(20_000) // more than the sockets hold
	if err := s.Spans().Insert(ctx, block, "t", soon(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("insert: %v", err)
	}
	block.Reset()
	for range 1000 {
		block.one(fullRow())
	}
	close(reused)
	if err := <-read; err == nil {
		t.Error("the server read a complete body")
	}
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestALoanHoldsUntilTheConnectionIsDone(t *testing.T) {
	t.Parallel()
	loan := func() *body { return &body{data: net.Buffers{[]byte("ab"), []byte("cd")}} }
	b, sent := loan(), ""
	_, err := b.WriteTo(writerFunc(func(p []byte) (int, error) {
		if b.mu.TryLock() {
			t.Error("release would not wait")
		}
		sent += string(p)
		return len(p), nil
	}))
	if err != nil || sent != "abcd" {
		t.Errorf("sent %q, %v", sent, err)
	}
	b = loan()
	p := make([]byte, 3)
	if n, err := b.Read(p); err != nil || n == 0 {
		t.Error(n, err)
	}
	b.release()
	if _, err := b.Read(p); !errors.Is(err, errReleased) {
		t.Errorf("read after release: %v", err)
	}
	if _, err := b.WriteTo(io.Discard); !errors.Is(err, errReleased) {
		t.Errorf("write after release: %v", err)
	}
}
