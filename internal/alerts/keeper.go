package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Source is the partition of topic alerts, while it is ours.
type Source interface {
	pipeline.Source
	// Transact produces the records and commits the offset, all of it or nothing.
	Transact(ctx context.Context, records []pipeline.Record, offset int64, metadata string) error
}

// Consumer runs handle once for each partition it is assigned, until ctx ends.
type Consumer interface {
	Run(ctx context.Context, handle func(ctx context.Context, src Source) error) error
}

// Dependencies are what a keeper works with.
type Dependencies struct {
	Consumer Consumer
	History  History
	HTTP     *http.Client
	Log      *slog.Logger
	Reg      prometheus.Registerer
}

// Keeper asks the rules, keeps their states and tells receivers.
type Keeper struct {
	cfg     Config
	rules   *Rules
	d       Dependencies
	metrics *metrics
}

// NewKeeper makes a keeper; it does nothing before Run.
func NewKeeper(cfg Config, rules *Rules, d Dependencies) *Keeper {
	return &Keeper{cfg: cfg, rules: rules, d: d, metrics: newMetrics(d.Reg, rules)}
}

// Run watches until ctx ends, whenever the topic's partition is this process's.
func (k *Keeper) Run(ctx context.Context) error { return k.d.Consumer.Run(ctx, k.own) }

// own watches for as long as the partition is ours.
func (k *Keeper) own(ctx context.Context, src Source) error {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{
		k: k, src: src, engine: NewEngine(k.rules.Rules, k.cfg.MaxStates), entries: make(map[string]*entry),
		couriers: make(map[string]*courier), results: make(chan result),
	}
	defer w.wait()
	defer stop() // the couriers end first
	if err := w.restore(ctx); err != nil {
		return err
	}
	for _, r := range k.rules.Receivers {
		w.couriers[r.Name] = k.courier(ctx, r, w.results)
	}
	w.resume()
	return w.run(ctx)
}

// watch is a keeper while it owns the partition. One goroutine has it.
type watch struct {
	k        *Keeper
	src      Source
	engine   *Engine
	entries  map[string]*entry
	couriers map[string]*courier
	results  chan result

	tick     int64 // the last instant that is done, Unix seconds
	day      int64 // in which everything was last written anew
	refresh  int64 // when Alertmanagers were last told what fires
	unready  bool  // the last try found no metrics
	refusals uint64
	lost     []result // notices that were waiting and have no place to wait any more
}

// entry is what topic alerts has under a key.
type entry struct {
	State *State `json:"state,omitempty"`
	Owed  []owed `json:"owed,omitempty"`
}

// owed is a notice that a receiver has not acknowledged.
type owed struct {
	Receiver string  `json:"receiver"`
	Notice   *Notice `json:"notice"`
}

// progress is what is committed beside the offset.
type progress struct {
	V    int   `json:"v"`
	Tick int64 `json:"tick"`
}

const progressVersion = 1

// restore reads what former owners left.
func (w *watch) restore(ctx context.Context) error {
	var p progress
	if text := w.src.Committed().Metadata; text != "" {
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.V != progressVersion {
			return fmt.Errorf("%w: commit metadata of topic alerts is not ours: %q", pipeline.ErrFatal, text)
		}
	}
	w.tick = p.Tick
	start, end, err := w.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of topic alerts: %w", err)
	}
	err = w.src.ReadRange(ctx, start, end, func(r *pipeline.Record) error {
		if len(r.Value) == 0 {
			delete(w.entries, string(r.Key))
			return nil
		}
		var e entry
		if err := json.Unmarshal(r.Value, &e); err != nil {
			w.k.d.Log.Error("a state of alerts cannot be read and is left out", "offset", r.Offset, "err", err)
			return nil
		}
		w.entries[string(r.Key)] = &e
		return nil
	})
	if err != nil {
		return fmt.Errorf("read topic alerts: %w", err)
	}
	return nil
}

// resume puts restored states and notices to work.
func (w *watch) resume() {
	waiting := 0
	for key, e := range w.entries {
		if e.State != nil {
			w.engine.Restore(e.State)
		}
		for _, o := range e.Owed {
			waiting++
			if what := w.hand(key, o); what != "" {
				w.lost = append(w.lost, result{key, o, what})
			}
		}
	}
	w.k.metrics.firing(w.engine)
	w.k.d.Log.Info("watching", "rules", len(w.k.rules.Rules), "states", len(w.entries), "notices", waiting)
}

// run asks the rules at each instant until the partition is let go.
func (w *watch) run(ctx context.Context) error {
	every := w.k.cfg.Every
	for _, r := range w.lost {
		if err := w.noted(ctx, r); err != nil {
			return err
		}
	}
	for {
		now := time.Now()
		timer := time.NewTimer(now.Truncate(every).Add(every).Sub(now))
		select {
		case <-timer.C:
			if err := w.catchUp(ctx, time.Now().Truncate(every).Unix()); err != nil {
				timer.Stop()
				return err
			}
		case r := <-w.results:
			timer.Stop()
			if err := w.noted(ctx, r); err != nil {
				return err
			}
		case <-w.src.Draining():
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// catchUp asks the rules at every instant since the last.
func (w *watch) catchUp(ctx context.Context, now int64) error {
	every := int64(w.k.cfg.Every / time.Second)
	at := max(w.tick+every, now-int64(w.k.cfg.CatchUp/time.Second))
	if w.tick == 0 {
		at = now
	}
	for at -= at % every; at <= now; at += every {
		began := time.Now()
		changes, err := w.engine.Step(ctx, w.k.d.History, at)
		if errors.Is(err, ErrNotReady) {
			if !w.unready {
				w.k.d.Log.Info("alert rules wait for the metrics", "why", err)
			}
			w.unready = true
			return nil
		}
		w.unready = false
		w.k.metrics.stepped(time.Since(began), at, w.engine.Refused-w.refusals, err)
		w.refusals = w.engine.Refused
		if err != nil {
			w.k.d.Log.Warn("alert rules that could not be asked", "err", err)
		}
		w.tick = at
		if len(changes) > 0 || at+every > now {
			if err := w.commit(ctx, changes); err != nil {
				return err
			}
		}
	}
	w.remind(now)
	return nil
}

const daySeconds = 24 * 60 * 60

// commit writes what changed, and only then tells anybody.
func (w *watch) commit(ctx context.Context, changes []Transition) error {
	touched := make(map[string]bool)
	var told []handout
	for i := range changes {
		t := &changes[i]
		e := w.entries[t.Key]
		if e == nil {
			e = &entry{}
			w.entries[t.Key] = e
		}
		e.State = t.State
		if t.Notice != nil {
			w.k.d.Log.Info("alert", "rule", t.Notice.Rule, "status", t.Notice.Status, "tenant", t.Notice.Tenant, "labels", t.Notice.Labels, "at", t.Notice.At)
			w.k.metrics.transitions.WithLabelValues(t.Notice.Rule, t.Notice.Status).Inc()
			for _, to := range t.To {
				o := owed{to, t.Notice}
				e.Owed = append(e.Owed, o)
				told = append(told, handout{t.Key, o})
			}
		}
		touched[t.Key] = true
	}
	if day := w.tick / daySeconds; day != w.day {
		// All of it once a day, so that a topic that is cut by age keeps what is true.
		w.day = day
		for key := range w.entries {
			touched[key] = true
		}
	}
	if err := w.write(ctx, touched); err != nil {
		return err
	}
	if len(changes) > 0 {
		w.k.metrics.firing(w.engine)
	}
	for _, h := range told {
		if what := w.hand(h.key, h.owed); what != "" {
			if err := w.noted(ctx, result{h.key, h.owed, what}); err != nil {
				return err
			}
		}
	}
	return nil
}

// handout is a notice that is to be handed to its receiver's courier.
type handout struct {
	key string
	owed
}

// write commits entries and the instant as one.
func (w *watch) write(ctx context.Context, touched map[string]bool) error {
	text, err := json.Marshal(progress{progressVersion, w.tick})
	if err != nil {
		return err
	}
	_, end, err := w.src.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("bounds of topic alerts: %w", err)
	}
	if len(touched) == 0 {
		return w.src.Commit(ctx, end, string(text))
	}
	log := w.src.Log()
	records := make([]pipeline.Record, 0, len(touched))
	for key := range touched {
		r := pipeline.Record{Topic: log.Topic, Partition: log.Partition, Key: []byte(key)}
		if e := w.entries[key]; e.State == nil && len(e.Owed) == 0 {
			delete(w.entries, key)
		} else if r.Value, err = json.Marshal(e); err != nil {
			return fmt.Errorf("a state of rule %s: %w", key, err)
		}
		records = append(records, r)
	}
	return w.src.Transact(ctx, records, end, string(text))
}

// noted takes note of what became of a notice.
func (w *watch) noted(ctx context.Context, r result) error {
	w.k.metrics.notices.WithLabelValues(r.Receiver, string(r.outcome)).Inc()
	e := w.entries[r.key]
	if e == nil {
		return nil
	}
	for i, o := range e.Owed {
		if o.Receiver == r.Receiver && o.Notice.ID == r.Notice.ID {
			e.Owed = append(e.Owed[:i:i], e.Owed[i+1:]...)
			break
		}
	}
	return w.write(ctx, map[string]bool{r.key: true})
}

// hand gives a notice to its receiver's courier, or says what becomes of it
// instead.
func (w *watch) hand(key string, o owed) outcome {
	switch c := w.couriers[o.Receiver]; {
	case c == nil:
		return outcomeRefused // there is no such receiver any more
	case !c.offer(job{key: key, owed: o}):
		return outcomeFull
	}
	return ""
}

// remindEvery is how often an Alertmanager is told again what fires: it takes for
// over what it hears no more of.
const remindEvery = time.Minute

func (w *watch) remind(now int64) {
	if now-w.refresh < int64(remindEvery/time.Second) {
		return
	}
	w.refresh = now
	firing := w.engine.Again(now)
	if len(firing) == 0 {
		return
	}
	for _, c := range w.couriers {
		if c.to.Alertmanager != "" {
			c.offer(job{again: firing})
		}
	}
}

// wait returns when the couriers have ended.
func (w *watch) wait() {
	for _, c := range w.couriers {
		<-c.done
	}
}
