package experiments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// topic is a log in memory that any number of gateways share.
type topic struct {
	mu      sync.Mutex
	records []Record
	more    chan struct{}
	down    error
	// before, if set, runs before each Append: what another gateway does meanwhile.
	before func()
}

func newTopic() *topic { return &topic{more: make(chan struct{})} }

func (l *topic) Append(_ context.Context, _, key string, value []byte) error {
	if f := l.before; f != nil {
		l.before = nil
		f()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	l.records = append(l.records, Record{Offset: int64(len(l.records)), Key: key, Value: value})
	close(l.more)
	l.more = make(chan struct{})
	return nil
}

func (l *topic) End(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.records)), l.down
}

func (l *topic) Follow(ctx context.Context, visit func(Record)) error {
	for next := 0; ; {
		l.mu.Lock()
		records, more := l.records[next:], l.more
		l.mu.Unlock()
		for _, r := range records {
			visit(r)
		}
		next += len(records)
		if len(records) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// compacted keeps the last record of each key.
func (l *topic) compacted() []Record {
	last := make(map[string]int64)
	for _, r := range l.records {
		last[r.Key] = r.Offset
	}
	var kept []Record
	for _, r := range l.records {
		if last[r.Key] == r.Offset {
			kept = append(kept, r)
		}
	}
	return kept
}

// follow gives a gateway's experiments; they are followed until the test ends.
func follow(t *testing.T, l Log) *Experiments {
	t.Helper()
	x := New(Default(), l, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	<-x.Ready()
	return x
}

// in runs a test with two gateways on one log.
func in(t *testing.T, test func(t *testing.T, l *topic, a, b *Experiments)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newTopic()
		test(t, l, follow(t, l), follow(t, l))
	})
}

func create(t *testing.T, x *Experiments, tenant, name string) string {
	t.Helper()
	id, err := x.Create(t.Context(), tenant, schema.Experiment{Name: name, CreateMilli: 5, UpdateMilli: 5})
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	return id
}

func TestDefaultIsAlwaysThere(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *topic, a, _ *Experiments) {
		for _, tenant := range []string{"acme", "never heard of"} {
			if e, ok := a.Get(tenant, "0"); !ok || e.Name != "Default" {
				t.Errorf("%s: %+v, %v", tenant, e, ok)
			}
		}
		if _, err := a.Create(t.Context(), "acme", schema.Experiment{Name: "Default"}); !isTaken(err) {
			t.Errorf("a second Default: %v", err)
		}
	})
}

func isTaken(err error) bool {
	_, ok := errors.AsType[*NameError](err)
	return ok
}

func TestIDsAreOfTheNameAndTenant(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *topic, a, b *Experiments) {
		one, other := create(t, a, "acme", "x"), create(t, a, "beta", "x")
		if one != idOf("acme", "x", 0) || one == other || one == "0" || len(one) > 16 {
			t.Errorf("ids %s, %s", one, other)
		}
		if e, ok := b.Get("acme", one); ok && e.Name != "x" {
			t.Errorf("the other gateway has %+v", e)
		}
		if _, ok := a.Get("acme", other); ok {
			t.Error("a tenant sees another's experiment")
		}
		if _, ok := a.Named("gamma", "x"); ok {
			t.Error("a tenant sees another's name")
		}
		if len(a.List("acme")) != 2 || len(a.List("gamma")) != 1 {
			t.Errorf("lists: %v, %v", a.List("acme"), a.List("gamma"))
		}
	})
}

// TestIDIsNotUsedAgainAfterRename: whoever makes the old name anew gets another
// experiment, in every gateway and after a restart.
func TestIDIsNotUsedAgainAfterRename(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, b *Experiments) {
		first := create(t, a, "acme", "x")
		if err := b.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Rename(t.Context(), "acme", first, "y", 6); err != nil {
			t.Fatal(err)
		}
		second := create(t, a, "acme", "x")
		third := follow(t, l)
		for _, x := range []*Experiments{a, third} {
			was, _ := x.Get("acme", first)
			now, _ := x.Get("acme", second)
			if first == second || was.Name != "y" || now.Name != "x" || was.UpdateMilli != 6 || was.CreateMilli != 5 {
				t.Errorf("%s %+v, %s %+v", first, was, second, now)
			}
		}
	})
}

func TestDeletedKeepsItsName(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, _ *topic, a, _ *Experiments) {
		id := create(t, a, "acme", "x")
		if err := a.SetStage(t.Context(), "acme", id, schema.ExperimentDeleted, 7); err != nil {
			t.Fatal(err)
		}
		_, err := a.Create(t.Context(), "acme", schema.Experiment{Name: "x"})
		taken, ok := errors.AsType[*NameError](err)
		if !ok || taken.Holder.ID != id || taken.Holder.Stage != schema.ExperimentDeleted {
			t.Errorf("create over a deleted one: %v", err)
		}
		if err := a.SetStage(t.Context(), "acme", id, schema.ExperimentActive, 8); err != nil {
			t.Fatal(err)
		}
		if e, _ := a.Get("acme", id); e.Stage != schema.ExperimentActive || e.UpdateMilli != 8 {
			t.Errorf("restored: %+v", e)
		}
	})
}

// TestTwoGatewaysCreateAtOnce: one of them wins, the other says that the name is
// taken, and both know the same.
func TestTwoGatewaysCreateAtOnce(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, b *Experiments) {
		var won string
		l.before = func() { won = create(t, b, "acme", "x") }
		_, err := a.Create(t.Context(), "acme", schema.Experiment{Name: "x"})
		taken, ok := errors.AsType[*NameError](err)
		if !ok || taken.Holder.ID != won {
			t.Errorf("the slower one: %v, want that %s has the name", err, won)
		}
	})
}

// TestLateCreateChangesNothing: a creation that was long on its way arrives after
// the other gateway's, a rename and the old name's reuse.
func TestLateCreateChangesNothing(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, b *Experiments) {
		var first string
		l.before = func() {
			first = create(t, b, "acme", "x")
			if err := b.Rename(t.Context(), "acme", first, "y", 6); err != nil {
				t.Error(err)
			}
		}
		second := create(t, a, "acme", "x")
		was, _ := a.Get("acme", first)
		if second == first || was.Name != "y" {
			t.Errorf("first %s %+v, second %s", first, was, second)
		}
		// Whoever keeps the last record of an id has it right too.
		if last := lastOf(t, l, first); last.Name != "y" {
			t.Errorf("the last record of %s: %+v", first, last)
		}
	})
}

func lastOf(t *testing.T, l *topic, id string) (last schema.Experiment) {
	t.Helper()
	for _, r := range l.records {
		e, err := schema.DecodeExperiment(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == id {
			last = e
		}
	}
	return last
}

func TestTwoRenamesToOneName(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, b *Experiments) {
		x, y := create(t, a, "acme", "x"), create(t, a, "acme", "y")
		if err := b.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.before = func() {
			if err := b.Rename(t.Context(), "acme", x, "z", 6); err != nil {
				t.Error(err)
			}
		}
		if err := a.Rename(t.Context(), "acme", y, "z", 6); !isTaken(err) {
			t.Errorf("the slower rename: %v", err)
		}
		if e, _ := a.Get("acme", y); e.Name != "y" {
			t.Errorf("the loser is %+v", e)
		}
		if last := lastOf(t, l, y); last.Name != "y" {
			t.Errorf("the last record of the loser: %+v", last)
		}
		if err := a.Rename(t.Context(), "acme", x, "z", 7); err != nil {
			t.Errorf("a rename to its own name: %v", err)
		}
		if err := a.Rename(t.Context(), "acme", "99", "q", 7); !errors.Is(err, ErrUnknown) {
			t.Errorf("rename of nothing: %v", err)
		}
	})
}

// TestTwoGatewaysTagAtOnce: neither tag is lost, not even for a reader of the
// last record.
func TestTwoGatewaysTagAtOnce(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, b *Experiments) {
		id := create(t, a, "acme", "x")
		if err := b.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.before = func() {
			if err := b.SetTag(t.Context(), "acme", id, "b/c", new("2")); err != nil {
				t.Error(err)
			}
		}
		if err := a.SetTag(t.Context(), "acme", id, "a", new("1")); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"a": "1", "b/c": "2"}
		if e, _ := a.Get("acme", id); !maps.Equal(e.Tags, want) {
			t.Errorf("tags %v", e.Tags)
		}
		if last := lastOf(t, l, id); !maps.Equal(last.Tags, want) {
			t.Errorf("the last record has %v", last.Tags)
		}
		if err := a.SetTag(t.Context(), "acme", id, "b/c", nil); err != nil {
			t.Fatal(err)
		}
		if e, _ := a.Get("acme", id); len(e.Tags) != 1 {
			t.Errorf("tags %v", e.Tags)
		}
	})
}

// TestCompactionChangesNothing: random histories of three gateways that know
// more or less, read whole and read compacted.
func TestCompactionChangesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := newTopic()
		for range 40 {
			name := func() string { return string(rune('a' + r.IntN(4))) }
			id := idOf("t", name(), r.IntN(2))
			k := key{"t", id, []change{created, named, staged, tagged, copied}[r.IntN(5)], ""}
			switch k.change {
			case created, named:
				k.of = fmt.Sprint(r.Uint64())
			case tagged:
				k.of = name()
			default:
			}
			e := schema.Experiment{
				ID: id, Name: name(), Stage: []string{schema.ExperimentActive, schema.ExperimentDeleted}[r.IntN(2)],
				CreateMilli: r.Int64N(100) + 1, UpdateMilli: r.Int64N(100) + 1, Tags: map[string]string{name(): name()},
			}
			value, err := schema.EncodeExperiment(&e)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Append(t.Context(), "t", k.String(), value); err != nil {
				t.Fatal(err)
			}
		}
		whole, compacted := stateOf(t, l.records), stateOf(t, l.compacted())
		if !reflect.DeepEqual(whole.of("t"), compacted.of("t")) {
			t.Fatalf("seed %d:\n%+v\n%+v", seed, whole.of("t"), compacted.of("t"))
		}
		for name, id := range whole.of("t").byName {
			if whole.of("t").byID[id].Name != name {
				t.Fatalf("seed %d: %s is held by %s, which is called otherwise", seed, name, id)
			}
		}
	}
}

func stateOf(t *testing.T, records []Record) *registry {
	t.Helper()
	state := newRegistry()
	for _, r := range records {
		k, ok := parseKey(r.Key)
		e, err := schema.DecodeExperiment(r.Value)
		if !ok || err != nil {
			t.Fatalf("record %d: %v", r.Offset, err)
		}
		state.apply(k, e)
	}
	return state
}

func TestBoundsAndOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTopic()
		x := follow(t, l)
		x.cfg.MaxExperiments = 2
		id := create(t, x, "acme", "x")
		if _, err := x.Create(t.Context(), "acme", schema.Experiment{Name: "y"}); !errors.Is(err, ErrFull) {
			t.Errorf("one too many: %v", err)
		}
		long := string(make([]byte, x.cfg.MaxBytes))
		if err := x.SetTag(t.Context(), "acme", id, "k", &long); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a tag as large as all: %v", err)
		}
		if err := l.Append(t.Context(), "", "nonsense", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := x.Fresh(t.Context()); err != nil {
			t.Errorf("a stranger's record: %v", err)
		}
		l.down = errors.New("down")
		for what, err := range map[string]error{
			"tag":    x.SetTag(t.Context(), "acme", id, "k", new("v")),
			"rename": x.Rename(t.Context(), "acme", id, "z", 1),
			"fresh":  x.Fresh(t.Context()),
		} {
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s without a log: %v", what, err)
			}
		}
		if e, ok := x.Get("acme", id); !ok || e.Name != "x" {
			t.Errorf("what is known is not known any more: %+v", e)
		}
	})
}

// TestReadyAfterTheWholeLog: a gateway that starts knows everything, or is not
// ready.
func TestReadyAfterTheWholeLog(t *testing.T) {
	t.Parallel()
	in(t, func(t *testing.T, l *topic, a, _ *Experiments) {
		ids := []string{create(t, a, "acme", "x"), create(t, a, "acme", "y"), create(t, a, "acme", "z")}
		late := follow(t, l)
		for _, id := range ids {
			if _, ok := late.Get("acme", id); !ok {
				t.Errorf("ready without experiment %s", id)
			}
		}
	})
}
