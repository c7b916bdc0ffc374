package experiments

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Log is the topic as this package needs it: one partition, in one order.
type Log interface {
	// Append returns nil once the record is acknowledged by the bus.
	Append(ctx context.Context, tenant, key string, value []byte) error
	// Follow shows every record from the first one on, in order, until ctx ends.
	Follow(ctx context.Context, visit func(Record)) error
	// End is the offset behind the last record that there is now.
	End(ctx context.Context) (int64, error)
}

// Record is a record of the log.
type Record struct {
	Offset int64
	Key    string
	Value  []byte
}

// Config bounds what is kept.
type Config struct {
	// MaxExperiments bounds each tenant's: all of them are in memory.
	MaxExperiments int
	// MaxBytes bounds one experiment, tags included.
	MaxBytes int
	// Wait bounds the time until a change has come back.
	Wait time.Duration
}

// Default is the configuration for any machine. 10,000 experiments of a usual
// size are about 5 MB.
func Default() Config {
	return Config{MaxExperiments: 10_000, MaxBytes: 64 << 10, Wait: 10 * time.Second}
}

// What a change is refused with.
var (
	ErrUnknown  = errors.New("there is no such experiment")
	ErrFull     = errors.New("the tenant has as many experiments as it may")
	ErrTooLarge = errors.New("the experiment would be larger than it may")
	// ErrUnavailable: whether the change counts is not known; perhaps it does.
	ErrUnavailable = errors.New("the log of experiments does not answer")
)

// NameError is a change that would give a name twice.
type NameError struct{ Holder schema.Experiment }

func (e *NameError) Error() string { return "the name is taken" }

// Experiments follows the log. It is a service: Run reads the log, and Ready is
// closed once it is read whole. Safe for concurrent use.
type Experiments struct {
	cfg Config
	log Log
	out *slog.Logger

	ready chan struct{}

	mu    sync.RWMutex // many requests read what one goroutine applies
	state *registry
	next  int64           // the offset behind the last applied record
	moved chan struct{}   // closed and replaced when next changes
	marks map[string]bool // our own records that came back and counted, by key
}

// New gives experiments that know nothing before Run.
func New(cfg Config, log Log, out *slog.Logger) *Experiments {
	return &Experiments{
		cfg: cfg, log: log, out: out.With("service", "experiments"),
		ready: make(chan struct{}), state: newRegistry(), moved: make(chan struct{}), marks: make(map[string]bool),
	}
}

// Ready is closed once everything that the log held at the start was read.
func (x *Experiments) Ready() <-chan struct{} { return x.ready }

// IsReady reports whether Ready is closed.
func (x *Experiments) IsReady() bool {
	select {
	case <-x.ready:
		return true
	default:
		return false
	}
}

// Run follows the log until ctx ends.
func (x *Experiments) Run(ctx context.Context) error {
	end, err := x.log.End(ctx)
	if err == nil {
		err = x.follow(ctx, end)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow experiments: %w", err)
	}
	return nil
}

// follow applies records until ctx ends; those below end make the whole log of
// the start.
func (x *Experiments) follow(ctx context.Context, end int64) error {
	if end == 0 {
		close(x.ready)
	}
	return x.log.Follow(ctx, func(r Record) {
		x.apply(ctx, r)
		if r.Offset+1 >= end && !x.IsReady() {
			close(x.ready)
		}
	})
}

// apply takes a record in. What cannot be read was not written by us; it is
// passed over, as every other reader does.
func (x *Experiments) apply(ctx context.Context, r Record) {
	k, known := parseKey(r.Key)
	value, err := schema.DecodeExperiment(r.Value)
	if !known || err != nil {
		x.out.WarnContext(ctx, "a record that is no experiment is passed over", "offset", r.Offset, "err", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	counted := known && err == nil && x.state.apply(k, value)
	if before, ours := x.marks[r.Key]; ours {
		x.marks[r.Key] = before || counted
	}
	x.next = r.Offset + 1
	close(x.moved)
	x.moved = make(chan struct{})
}

// Get gives an experiment by its id.
func (x *Experiments) Get(tenant, id string) (schema.Experiment, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.state.of(tenant).byID[id]
	return e, ok
}

// Named gives the experiment that holds a name, deleted or not.
func (x *Experiments) Named(tenant, name string) (schema.Experiment, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	t := x.state.of(tenant)
	e, ok := t.byID[t.byName[name]]
	return e, ok
}

// List gives a tenant's experiments, the latest first.
func (x *Experiments) List(tenant string) []schema.Experiment {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.state.of(tenant).list()
}

// Fresh waits until everything is known that the log holds now. It is for what
// seems not to exist, or to be in the way: another gateway may have made it, or
// renamed it, a moment ago.
func (x *Experiments) Fresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Wait)
	defer cancel()
	end, err := x.log.End(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return x.await(ctx, end)
}

// await waits until the records below an offset are applied.
func (x *Experiments) await(ctx context.Context, end int64) error {
	return x.until(ctx, func() bool { return x.next >= end })
}

// until waits for something that applying records makes true. holds is asked
// with the lock held.
func (x *Experiments) until(ctx context.Context, holds func() bool) error {
	for {
		x.mu.RLock()
		done, moved := holds(), x.moved
		x.mu.RUnlock()
		if done {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
}

// Create makes an experiment and gives its id, once that is certain. x.ID is not
// read. A name that is held is a *NameError.
func (x *Experiments) Create(ctx context.Context, tenant string, e schema.Experiment) (string, error) {
	e.Stage = schema.ExperimentActive
	for fresh := false; ; {
		x.mu.RLock()
		t := x.state.of(tenant)
		holder, taken := t.byID[t.byName[e.Name]]
		full := len(t.byID) >= x.cfg.MaxExperiments
		e.ID = t.free(tenant, e.Name)
		x.mu.RUnlock()
		switch {
		case (taken || full) && !fresh:
			if err := x.Fresh(ctx); err != nil {
				return "", err
			}
			fresh = true
			continue
		case taken:
			return "", &NameError{holder}
		case full:
			return "", ErrFull
		}
		counted, err := x.change(ctx, key{tenant, e.ID, created, rand.Text()}, e)
		if err != nil || counted {
			return e.ID, err
		}
		// Somebody was faster, with the name or the id: look again.
	}
}

// Rename gives an experiment another name. A name that is held is a *NameError.
func (x *Experiments) Rename(ctx context.Context, tenant, id, name string, nowMilli int64) error {
	for fresh := false; ; {
		x.mu.RLock()
		t := x.state.of(tenant)
		e, known := t.byID[id]
		holder, taken := t.byID[t.byName[name]]
		x.mu.RUnlock()
		switch {
		case (!known || taken) && !fresh:
			if err := x.Fresh(ctx); err != nil {
				return err
			}
			fresh = true
			continue
		case !known:
			return ErrUnknown
		case taken && holder.ID == id:
			return nil
		case taken:
			return &NameError{holder}
		}
		e.Name, e.UpdateMilli = name, nowMilli
		counted, err := x.change(ctx, key{tenant, id, named, rand.Text()}, e)
		if err != nil || counted {
			return err
		}
	}
}

// SetStage deletes or restores an experiment.
func (x *Experiments) SetStage(ctx context.Context, tenant, id, stage string, nowMilli int64) error {
	e, known := x.Get(tenant, id)
	if !known {
		return ErrUnknown
	}
	e.Stage, e.UpdateMilli = stage, nowMilli
	_, err := x.change(ctx, key{tenant, id, staged, ""}, e)
	return err
}

// SetTag sets a tag of an experiment, or removes it where value is nil.
func (x *Experiments) SetTag(ctx context.Context, tenant, id, tag string, value *string) error {
	e, known := x.Get(tenant, id)
	if !known {
		return ErrUnknown
	}
	e.Tags = maps.Clone(e.Tags)
	if e.Tags == nil {
		e.Tags = make(map[string]string)
	}
	if delete(e.Tags, tag); value != nil {
		e.Tags[tag] = *value
	}
	_, err := x.change(ctx, key{tenant, id, tagged, tag}, e)
	return err
}

// change writes a record and waits for it to come back. It reports whether the
// record counted.
func (x *Experiments) change(ctx context.Context, k key, e schema.Experiment) (counted bool, err error) {
	value, err := schema.EncodeExperiment(&e)
	if err != nil {
		return false, err
	}
	if len(value) > x.cfg.MaxBytes {
		return false, ErrTooLarge
	}
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Wait)
	defer cancel()
	if k.change == created || k.change == named {
		x.mark(k)
		defer x.unmark(k)
	}
	if err := x.log.Append(ctx, k.tenant, k.String(), value); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	// It is in the log, so it comes before the log's end.
	end, err := x.log.End(ctx)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := x.await(ctx, end); err != nil {
		return false, err
	}
	x.mu.RLock()
	counted, claim := x.marks[k.String()]
	holds := x.state.of(k.tenant).byID[k.id]
	x.mu.RUnlock()
	return counted || !claim, x.correct(ctx, k, e, holds)
}

func (x *Experiments) mark(k key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.marks[k.String()] = false
}

func (x *Experiments) unmark(k key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.marks, k.String())
}

// correct adds a copy of what holds where the record did not say that: for
// readers who keep the last record only.
func (x *Experiments) correct(ctx context.Context, k key, said, holds schema.Experiment) error {
	if holds.ID == "" || said.Name == holds.Name && said.Stage == holds.Stage && maps.Equal(said.Tags, holds.Tags) {
		return nil
	}
	value, err := schema.EncodeExperiment(&holds)
	if err != nil {
		return err
	}
	if err := x.log.Append(ctx, k.tenant, key{k.tenant, k.id, copied, ""}.String(), value); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}
