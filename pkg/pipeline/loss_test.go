package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// shrinking is a log whose records vanish, and the table they go to. The value
// of a record is its text; rows are texts with the log they came by.
type shrinking struct {
	t         *testing.T
	id        byte
	start     int64
	values    []string // from start on
	committed pipeline.Committed
	rows      []string
	tokens    map[string]bool
	lost      []pipeline.Range
	away      time.Time                // inserts fail until then
	fetched   func(s *shrinking) error // before each Fetch

	// of one life
	next     int64
	draining chan struct{}
	batch    []pipeline.Record
	weighed  *pipeline.Record
	logID    string
}

func newShrinking(t *testing.T, values ...string) *shrinking {
	return &shrinking{t: t, id: 1, values: values, committed: pipeline.Committed{Offset: -1}, tokens: map[string]bool{}}
}

// live lets one owner after the other work until one ends for good.
func (s *shrinking) live(cfg pipeline.Config) error {
	s.t.Helper()
	for range 10 {
		s.next, s.draining = max(s.committed.Offset, 0), make(chan struct{})
		if s.committed.Offset < 0 {
			s.next = s.start
		}
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Hour)
		err := pipeline.Run(ctx, s, s, cfg, s, slog.New(slog.DiscardHandler))
		cancel()
		synctest.Wait() // the loop's own goroutine ends with it
		if !errors.Is(err, pipeline.ErrRejoin) {
			return err
		}
	}
	s.t.Fatal("rejoins for ever")
	return nil
}

func (s *shrinking) end() int64 { return s.start + int64(len(s.values)) }

// expire takes records off the start, cut off the end.
func (s *shrinking) expire(start int64) { s.values, s.start = s.values[start-s.start:], start }
func (s *shrinking) cut(end int64)      { s.values = s.values[:end-s.start] }

func (s *shrinking) record(o int64) pipeline.Record {
	return pipeline.Record{Topic: "t", Offset: o, Value: []byte(s.values[o-s.start])}
}

func (s *shrinking) Log() pipeline.Log             { return pipeline.Log{Topic: "t", TopicID: [16]byte{s.id}} }
func (s *shrinking) Committed() pipeline.Committed { return s.committed }
func (s *shrinking) Start() int64                  { return s.next }
func (s *shrinking) Draining() <-chan struct{}     { return s.draining }
func (s *shrinking) Bounds(context.Context) (start, end int64, err error) {
	return s.start, s.end(), nil
}

func (s *shrinking) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	if s.fetched != nil {
		if err := s.fetched(s); err != nil {
			return nil, err
		}
	}
	switch {
	case s.next < s.start:
		return nil, pipeline.ErrExpired
	case s.next > s.end():
		return nil, &pipeline.TruncatedError{End: s.end()}
	case s.next < s.end():
		s.next++
		return []pipeline.Record{s.record(s.next - 1)}, nil
	}
	select {
	case <-s.draining:
	default:
		close(s.draining)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *shrinking) ReadRange(_ context.Context, from, to int64, visit func(*pipeline.Record) error) error {
	for o := max(from, s.start); o < min(to, s.end()); o++ {
		r := s.record(o)
		if err := visit(&r); err != nil {
			return err
		}
	}
	return nil
}

func (s *shrinking) Commit(_ context.Context, offset int64, metadata string) error {
	s.committed = pipeline.Committed{Offset: offset, Metadata: metadata}
	return nil
}

func (s *shrinking) Config() string                                        { return "c" }
func (s *shrinking) Forget()                                               {}
func (s *shrinking) Warm(*pipeline.Record)                                 {}
func (s *shrinking) Warmed() bool                                          { return true }
func (s *shrinking) WarmFrom() int64                                       { return -1 }
func (s *shrinking) Probe(context.Context, []pipeline.Record) error        { return nil }
func (s *shrinking) Reject(context.Context, *pipeline.Record, error) error { return nil }
func (s *shrinking) Begin(id, _ string, _ []pipeline.Range) error {
	s.batch, s.logID = nil, id
	return nil
}

func (s *shrinking) Add() error                            { s.batch = append(s.batch, *s.weighed); return nil }
func (s *shrinking) Open(context.Context, time.Time) error { return nil }
func (s *shrinking) Recovered(string)                      {}
func (s *shrinking) Retried(error)                         {}
func (s *shrinking) Stored(pipeline.Stored)                {}
func (s *shrinking) Lost(r pipeline.Range)                 { s.lost = append(s.lost, r) }
func (s *shrinking) IntentOpened(time.Time)                {}
func (s *shrinking) IntentClosed()                         {}

func (s *shrinking) Weigh(_ context.Context, r *pipeline.Record) (pipeline.Weight, error) {
	s.weighed = r
	return pipeline.Weight{Rows: 1, Bytes: 1, Parts: []uint16{1}}, nil
}

func (s *shrinking) Tables(r pipeline.Range) []pipeline.Table {
	return []pipeline.Table{&oneTable{s, r, slices.Clone(s.batch), s.logID}}
}

type oneTable struct {
	*shrinking
	rng   pipeline.Range
	batch []pipeline.Record
	id    string
}

func (o *oneTable) Name() string    { return "rows" }
func (o *oneTable) Rows() int       { return len(o.batch) }
func (o *oneTable) Parts() []uint16 { return []uint16{1} }

func (o *oneTable) text(r pipeline.Record) string {
	return fmt.Sprintf("%s %d %s", o.id[len(o.id)-1:], r.Offset, r.Value)
}

func (o *oneTable) Present(context.Context) ([]uint16, error) {
	for _, r := range o.batch {
		if slices.Contains(o.rows, o.text(r)) {
			return []uint16{1}, nil
		}
	}
	return nil, nil
}

func (o *oneTable) Insert(_ context.Context, a pipeline.Attempt) error {
	if time.Now().Before(o.away) {
		return errors.New("away")
	}
	if !o.tokens[a.Token] {
		for _, r := range o.batch {
			o.rows = append(o.rows, o.text(r))
		}
	}
	o.tokens[a.Token] = true
	return nil
}

// twos cuts batches of two rows.
var twos = pipeline.Config{
	Limits:   pipeline.Limits{MaxRows: 2, MaxBytes: 1 << 20, MaxParts: 2, MaxAge: time.Second},
	Deadline: 3 * time.Second, RetryMin: 100 * time.Millisecond, RetryMax: 2 * time.Second,
}

// open makes a world in which the batch [2, 3] is open and, if stored, in the
// table, with its final commit missing.
func open(t *testing.T, stored bool) *shrinking {
	t.Helper()
	s := newShrinking(t, "a", "b", "c", "d", "e", "f")
	metadata, err := pipeline.Intent{Last: 3, Warm: -1, Config: "c", Topic: fmt.Sprintf("%x", s.Log().TopicID)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.rows, s.committed = []string{"0 0 a", "0 1 b"}, pipeline.Committed{Offset: 2, Metadata: metadata}
	if stored {
		s.rows = append(s.rows, "0 2 c", "0 3 d")
		s.tokens[s.Log().ID(0)+"/0/2-3/rows"] = true
	}
	return s
}

func (s *shrinking) want(rows ...string) {
	s.t.Helper()
	if diff := cmp.Diff(rows, s.rows); diff != "" {
		s.t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func (s *shrinking) wantLost(ranges ...pipeline.Range) {
	s.t.Helper()
	if diff := cmp.Diff(ranges, s.lost); diff != "" {
		s.t.Errorf("lost (-want +got):\n%s", diff)
	}
}

// wantHalt expects a halt whose message names the way on, and no row more.
func (s *shrinking) wantHalt(cfg pipeline.Config, advice string) {
	s.t.Helper()
	before := slices.Clone(s.rows)
	for range 2 { // the next owner too
		if err := s.live(cfg); !errors.Is(err, pipeline.ErrFatal) || !strings.Contains(err.Error(), advice) {
			s.t.Errorf("not halted with %q: %v", advice, err)
		}
	}
	if diff := cmp.Diff(before, s.rows); diff != "" {
		s.t.Errorf("rows of a halted partition (-before +now):\n%s", diff)
	}
}

func accepting(next ...string) pipeline.Config {
	cfg := twos
	cfg.AcceptLoss, cfg.NextIncarnation = len(next) == 0, next
	return cfg
}

// TestExpiredLog is W13: nothing is passed over unasked; told to go on, what is
// left of an open batch lands under its token, and the rest is counted.
func TestExpiredLog(t *testing.T) {
	for name, c := range map[string]struct {
		stored bool
		start  int64
		rows   []string
		lost   pipeline.Range
	}{
		"half of an open batch":           {false, 3, []string{"0 0 a", "0 1 b", "0 3 d", "0 4 e", "0 5 f"}, pipeline.Range{First: 2, Last: 2}},
		"half of a batch that had landed": {true, 3, []string{"0 0 a", "0 1 b", "0 2 c", "0 3 d", "0 4 e", "0 5 f"}, pipeline.Range{First: 2, Last: 2}},
		"an open batch and more":          {false, 5, []string{"0 0 a", "0 1 b", "0 5 f"}, pipeline.Range{First: 2, Last: 4}},
		"all of a batch that had landed":  {true, 4, []string{"0 0 a", "0 1 b", "0 2 c", "0 3 d", "0 4 e", "0 5 f"}, pipeline.Range{First: 2, Last: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, c.stored)
				s.expire(c.start)
				s.wantHalt(twos, "--accept-loss")
				if err := s.live(accepting()); err != nil {
					t.Fatal(err)
				}
				s.want(c.rows...)
				s.wantLost(c.lost)
				if err := s.live(twos); err != nil {
					t.Errorf("the next life: %v", err)
				}
			})
		})
	}
}

// TestExpiredWhileReading: what was read before lands, whatever follows.
func TestExpiredWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShrinking(t, "a", "b", "c", "d", "e")
		s.fetched = func(s *shrinking) error {
			if s.next == 1 && s.start == 0 {
				s.expire(3)
			}
			return nil
		}
		s.wantHaltAfter(t, "--accept-loss", "0 0 a")
		if err := s.live(accepting()); err != nil {
			t.Fatal(err)
		}
		s.want("0 0 a", "0 3 d", "0 4 e")
		s.wantLost(pipeline.Range{First: 1, Last: 2})
	})
}

func (s *shrinking) wantHaltAfter(t *testing.T, advice string, rows ...string) {
	t.Helper()
	if err := s.live(twos); !errors.Is(err, pipeline.ErrFatal) || !strings.Contains(err.Error(), advice) {
		t.Errorf("not halted with %q: %v", advice, err)
	}
	s.want(rows...)
	s.wantHalt(twos, advice)
}

// TestLogThatLostItsTail is W14: the halt outlives the offsets' being used
// again; told to go on, new records land though their offsets were used, and
// what was stored is not stored again.
func TestLogThatLostItsTail(t *testing.T) {
	for name, c := range map[string]struct {
		stored bool
		end    int64
		rows   []string
		lost   []pipeline.Range
	}{
		"below what was committed":       {false, 1, []string{"0 0 a", "0 1 b", "1 1 B", "1 2 C", "1 3 D", "1 4 E", "1 5 F"}, []pipeline.Range{{First: 2, Last: 3}}},
		"within an open batch":           {false, 3, []string{"0 0 a", "0 1 b", "0 2 c", "1 3 D", "1 4 E", "1 5 F"}, []pipeline.Range{{First: 3, Last: 3}}},
		"within a batch that had landed": {true, 3, []string{"0 0 a", "0 1 b", "0 2 c", "0 3 d", "1 3 D", "1 4 E", "1 5 F"}, []pipeline.Range{{First: 3, Last: 3}}},
		"to nothing":                     {true, 0, []string{"0 0 a", "0 1 b", "0 2 c", "0 3 d", "1 0 A", "1 1 B", "1 2 C", "1 3 D", "1 4 E", "1 5 F"}, []pipeline.Range{{First: 2, Last: 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, c.stored)
				s.cut(c.end)
				s.wantHalt(twos, "--next-incarnation t/0/1")
				s.values = append(s.values, []string{"A", "B", "C", "D", "E", "F"}[c.end:]...) // the offsets are used again
				s.wantHalt(twos, "--next-incarnation t/0/1")
				s.wantHalt(accepting("t/0/2", "t/1/1"), "--next-incarnation t/0/1")
				if err := s.live(accepting("t/0/1")); err != nil {
					t.Fatal(err)
				}
				s.want(c.rows...)
				s.wantLost(c.lost...)
				// What was told once is not told for the next time.
				s.cut(2)
				s.wantHalt(accepting("t/0/1"), "--next-incarnation t/0/2")
			})
		})
	}
}

// TestTailLostWhileReading: the reader has seen more than there is.
func TestTailLostWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShrinking(t, "a", "b", "c")
		s.fetched = func(s *shrinking) error {
			if s.next == 3 && len(s.values) == 3 {
				s.cut(1)
			}
			return nil
		}
		s.wantHaltAfter(t, "--next-incarnation t/0/1", "0 0 a", "0 1 b", "0 2 c")
		s.values = append(s.values, "B", "C", "D", "E")
		if err := s.live(accepting("t/0/1")); err != nil {
			t.Fatal(err)
		}
		s.want("0 0 a", "0 1 b", "0 2 c", "1 1 B", "1 2 C", "1 3 D", "1 4 E")
		s.wantLost()
	})
}

// TestRecreatedTopic: the offsets are another topic's, whether they lie within
// the new log or not.
func TestRecreatedTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, false)
		s.id, s.values = 2, []string{"A", "B", "C", "D", "E"}
		s.wantHalt(twos, "--next-incarnation t/0/1")
		s.wantHalt(accepting(), "deleted and made anew")
		if err := s.live(accepting("t/0/1")); err != nil {
			t.Fatal(err)
		}
		s.want("0 0 a", "0 1 b", "1 0 A", "1 1 B", "1 2 C", "1 3 D", "1 4 E")
		s.wantLost(pipeline.Range{First: 2, Last: 3})
	})
}

// TestRestOfABatchIsRetried: the store is away while it is to land.
func TestRestOfABatchIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, false)
		s.expire(3)
		s.away = time.Now().Add(time.Minute)
		if err := s.live(accepting()); err != nil {
			t.Fatal(err)
		}
		s.want("0 0 a", "0 1 b", "0 3 d", "0 4 e", "0 5 f")
	})
}
