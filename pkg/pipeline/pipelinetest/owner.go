package pipelinetest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Run lets a new owner take the partition over and work until it has nothing
// left to do, dies, or has to rejoin.
func (w *World) Run(ctx context.Context, cfg pipeline.Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.mu.Lock()
	w.member++
	o := &owner{World: w, member: w.member, kill: cancel, committed: w.committed, draining: make(chan struct{})}
	o.next = max(o.committed.Offset, 0)
	w.mu.Unlock()
	s := &stage{owner: o}
	err := pipeline.Run(ctx, o, s, cfg, o, slog.New(slog.DiscardHandler))
	if cause := context.Cause(ctx); errors.Is(cause, ErrCrash) {
		return ErrCrash
	}
	return err
}

// owner is one life of a writer: the Source and Meter of pipeline.Run.
type owner struct {
	*World
	member    int
	kill      context.CancelCauseFunc
	committed pipeline.Committed
	next      int64
	draining  chan struct{}
}

// step is where an owner may die: its caller must return at once then.
func (o *owner) step() error {
	if o.draw(o.odds.Crash) {
		o.kill(ErrCrash)
		return ErrCrash
	}
	return nil
}

func (o *owner) Log() pipeline.Log             { return pipeline.Log{Topic: "t"} }
func (o *owner) Committed() pipeline.Committed { return o.committed }
func (o *owner) Start() int64                  { return 0 }
func (o *owner) Draining() <-chan struct{}     { return o.draining }

func (o *owner) Bounds(context.Context) (start, end int64, err error) {
	return 0, int64(len(o.records)), nil
}

func (o *owner) ReadRange(_ context.Context, from, to int64, visit func(*pipeline.Record) error) error {
	for i := from; i < to; i++ {
		if err := visit(&o.records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o *owner) Fetch(ctx context.Context) ([]pipeline.Record, error) {
	o.mu.Lock()
	if err := o.step(); err != nil {
		o.mu.Unlock()
		return nil, err
	}
	n := min(int64(o.rng.IntN(5)), int64(len(o.records))-o.next)
	out := slices.Clone(o.records[o.next : o.next+n])
	o.next += n
	end := o.next == int64(len(o.records))
	pause := time.Duration(o.rng.IntN(2000)) * time.Millisecond // so that age cuts batches where it likes
	if n == 0 && end {
		select {
		case <-o.draining:
		default:
			close(o.draining)
		}
	}
	o.mu.Unlock()
	if n > 0 {
		return out, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(pause):
		return nil, nil
	}
}

func (o *owner) Commit(_ context.Context, offset int64, metadata string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.step(); err != nil {
		return err
	}
	c := pipeline.Committed{Offset: offset, Metadata: metadata}
	if o.draw(o.odds.CommitLost) {
		if o.rng.IntN(2) == 0 {
			o.commit(o.member, c)
		}
		if o.draw(o.odds.CommitLate) {
			o.later(func() { o.commit(o.member, c) })
		}
		return pipeline.ErrAmbiguous
	}
	if !o.commit(o.member, c) {
		return pipeline.ErrLost
	}
	return o.step()
}

func (o *owner) Recovered(state string)    { o.World.Recovered[state]++ }
func (o *owner) Retried(error)             {}
func (o *owner) Stored(pipeline.Stored)    {}
func (o *owner) Lost(pipeline.Range)       {}
func (o *owner) IntentOpened(at time.Time) {}
func (o *owner) IntentClosed()             {}

// stage puts each record into both tables, in the partition its value names.
type stage struct {
	*owner
	weighed *pipeline.Record
	exclude []pipeline.Range
	rows    []row
	skip    bool
}

func (s *stage) Config() string         { return "c" }
func (s *stage) Forget()                {}
func (s *stage) Warm(*pipeline.Record)  {}
func (s *stage) Warmed() bool           { return true }
func (s *stage) WarmFrom() int64        { return -1 }
func (s *stage) add(r *pipeline.Record) { s.rows = append(s.rows, row{r.Offset, uint16(r.Value[0])}) }

func (s *stage) Begin(_, _ string, exclude []pipeline.Range) error {
	s.rows, s.exclude = nil, exclude
	return nil
}

func (s *stage) Open(ctx context.Context, _ time.Time) error {
	if s.Crowded {
		close(s.draining)
		<-ctx.Done()
	}
	return ctx.Err()
}

func (s *stage) Weigh(_ context.Context, r *pipeline.Record) (pipeline.Weight, error) {
	s.weighed = r
	s.skip = slices.ContainsFunc(s.exclude, func(x pipeline.Range) bool { return x.Contains(r.Offset) })
	return pipeline.Weight{Rows: 1, Bytes: 1, Parts: []uint16{uint16(r.Value[0])}}, nil
}

func (s *stage) Add() error {
	if !s.skip {
		s.add(s.weighed)
	}
	return nil
}

func (s *stage) Tables(rng pipeline.Range) []pipeline.Table {
	return []pipeline.Table{&table{s.owner, "a", rng, s.rows}, &table{s.owner, "b", rng, s.rows}}
}

func (s *stage) Probe(_ context.Context, records []pipeline.Record) error {
	if s.Mends {
		clear(s.poison)
	}
	for i := range records {
		if s.poison[records[i].Offset] {
			return pipeline.ErrRejected
		}
	}
	return nil
}

func (s *stage) Reject(_ context.Context, r *pipeline.Record, _ error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Letters = append(s.Letters, r.Offset)
	return nil
}

type table struct {
	*owner
	name string
	rng  pipeline.Range
	rows []row
}

func (t *table) Name() string    { return t.name }
func (t *table) Rows() int       { return len(t.rows) }
func (t *table) Parts() []uint16 { return partsOf(t.rows) }

func (t *table) Present(context.Context) ([]uint16, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.step(); err != nil {
		return nil, err
	}
	var have []uint16
	for _, r := range t.rows {
		if t.tables[t.name].rows[r.offset] > 0 && !slices.Contains(have, r.part) {
			have = append(have, r.part)
		}
	}
	return have, nil
}

// errAway is what a store that cannot be reached says.
var errAway = errors.New("store away")

// insertTime is how long the server takes for a block. It ties the tokens that
// can pass before a deadline to the window, as rule 6 of docs/exactly-once.md
// asks of real settings.
const insertTime = 700 * time.Millisecond

func (t *table) Insert(_ context.Context, a pipeline.Attempt) error {
	<-time.After(insertTime)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.step(); err != nil {
		return err
	}
	if err := t.use(a.Token); err != nil {
		return err
	}
	if !t.draw(t.odds.InsertFail) {
		if err := t.insert(t.name, a, t.rows, len(t.rows)); err != nil {
			return err
		}
		return t.step()
	}
	// nothing, some or all of it lands now, and perhaps all of it later
	if err := t.insert(t.name, a, t.rows, t.rng3()); errors.Is(err, pipeline.ErrRejected) {
		return err
	}
	if t.draw(t.odds.InsertLate) {
		rows := slices.Clone(t.rows)
		t.later(func() { _ = t.insert(t.name, a, rows, len(rows)) })
	}
	return errAway
}

func (t *table) rng3() int { return t.owner.rng.IntN(4) }

// use notes what a token stands for, and refuses a second meaning.
func (t *table) use(token string) error {
	state := t.tables[t.name]
	if r, used := state.ranges[token]; used && r != t.rng {
		return errors.Join(pipeline.ErrFatal, errors.New("token used for two ranges: "+token))
	}
	state.ranges[token] = t.rng
	return nil
}
