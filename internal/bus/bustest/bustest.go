// Package bustest is what internal/bus expects of a broker, as tests that run
// on any: kfake, the embedded bus, a real Kafka. Each test makes topics and
// groups of its own, so one broker serves them all.
package bustest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// patience is how long anything may take. It only bounds a hanging test.
const patience = 2 * time.Minute

// Run tests the broker that cfg names.
func Run(t *testing.T, cfg bus.Config) {
	t.Helper()
	for name, test := range map[string]func(*bench){
		"a record arrives as it was sent":           recordArrives,
		"a 16 MiB record is carried":                largeRecord,
		"metadata reaches the next owner":           metadataReachesNextOwner,
		"a moved partition is closed to its owner":  movedPartitionIsClosed,
		"commits go on across rebalances":           commitsAcrossRebalances,
		"a range is read again as it was":           rangeReadAgain,
		"an existing topic is reported, not mended": existingTopic,
		"an observer takes no part":                 observerTakesNoPart,
		"a follower misses nothing":                 followerMissesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newBench(t, cfg))
		})
	}
}

// bench is one test's topic, group and tools.
type bench struct {
	*testing.T
	cfg   bus.Config
	name  string // of the topic and the group
	log   *slog.Logger
	topic bus.Topic
}

func newBench(t *testing.T, cfg bus.Config) *bench {
	t.Helper()
	name := "t" + strings.ToLower(rand.Text()[:12])
	b := &bench{
		T: t, cfg: cfg, name: name,
		log:   slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		topic: bus.Topic{Name: name, Partitions: 2, Replication: -1, Retention: time.Hour, RetentionBytes: -1},
	}
	if warnings, err := bus.EnsureTopics(t.Context(), cfg, []bus.Topic{b.topic}, b.log); err != nil || len(warnings) > 0 {
		t.Fatalf("create topic: %v, %q", err, warnings)
	}
	return b
}

func (b *bench) produce(records ...pipeline.Record) {
	b.Helper()
	p, err := bus.NewProducer(b.cfg, b.log, prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := p.Produce(b.Context(), records); err != nil {
		b.Fatal(err)
	}
}

// numbered are n small records of partition 0.
func (b *bench) numbered(n int) (out []pipeline.Record) {
	for i := range n {
		out = append(out, pipeline.Record{Topic: b.name, Value: fmt.Appendf(nil, "record %d", i)})
	}
	return out
}

// hand is a source in a test's hands until it drains.
type hand struct {
	ctx context.Context
	src pipeline.Source
}

// join starts a member whose sources are given to the test. stop leaves.
func (b *bench) join() (sources <-chan hand, stop func()) {
	b.Helper()
	cfg := bus.DefaultConsumer()
	cfg.Group, cfg.Topics = b.name, []string{b.name}
	cfg.HeartbeatInterval, cfg.SessionTimeout = 500*time.Millisecond, 6*time.Second
	c, err := bus.NewConsumer(b.cfg, cfg, bus.ConsumerDeps{Start: bus.AtLogStart, Log: b.log, Reg: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	out, done := make(chan hand, 64), make(chan struct{})
	go func() {
		defer close(done)
		err := c.Run(ctx, func(ctx context.Context, src pipeline.Source) error {
			out <- hand{ctx, src}
			select {
			case <-src.Draining():
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			b.Errorf("consumer: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	b.Cleanup(stop)
	return out, stop
}

func (b *bench) take(sources <-chan hand) hand {
	b.Helper()
	select {
	case h := <-sources:
		return h
	case <-time.After(patience):
		b.Fatal("no partition was assigned")
		panic("unreachable")
	}
}

// partition waits until a member has been given the partition.
func (b *bench) partition(sources <-chan hand, partition int32) hand {
	b.Helper()
	for {
		if h := b.take(sources); h.src.Log().Partition == partition {
			return h
		}
	}
}

func (b *bench) fetch(h hand, n int) (out []pipeline.Record) {
	b.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, patience)
	defer cancel()
	for len(out) < n {
		records, err := h.src.Fetch(ctx)
		if err != nil {
			b.Fatalf("fetched %d of %d: %v", len(out), n, err)
		}
		out = append(out, records...)
	}
	return out
}

func recordArrives(b *bench) {
	want := pipeline.Record{
		Topic: b.name, Partition: 1, Time: time.UnixMilli(1_700_000_000_123),
		Key: []byte("key"), Value: []byte("value\x00\xff"),
		Headers: []pipeline.Header{{Key: "tenant", Value: []byte("acme")}, {Key: "empty", Value: []byte{}}, {Key: "tenant", Value: []byte("twice")}},
	}
	b.produce(want)
	sources, _ := b.join()
	got := b.fetch(b.partition(sources, 1), 1)[0]
	if fmt.Sprintf("%+v", got.Headers) != fmt.Sprintf("%+v", want.Headers) || !got.Time.Equal(want.Time) ||
		!bytes.Equal(got.Key, want.Key) || !bytes.Equal(got.Value, want.Value) ||
		got.Topic != want.Topic || got.Partition != want.Partition || got.Offset != 0 {
		b.Errorf("sent %+v, got %+v", want, got)
	}
}

func largeRecord(b *bench) {
	value := make([]byte, 16<<20)
	if _, err := rand.Read(value); err != nil { // nothing to compress
		b.Fatal(err)
	}
	b.produce(pipeline.Record{Topic: b.name, Value: value})
	sources, _ := b.join()
	if got := b.fetch(b.partition(sources, 0), 1)[0]; !bytes.Equal(got.Value, value) {
		b.Errorf("%d bytes arrived, of %d, or others", len(got.Value), len(value))
	}
}

func metadataReachesNextOwner(b *bench) {
	b.produce(b.numbered(5)...)
	sources, leave := b.join()
	h := b.partition(sources, 0)
	if h.src.Committed().Offset != -1 {
		b.Errorf("a new group holds %v", h.src.Committed())
	}
	metadata := strings.Repeat("m", 1024)
	for _, m := range []string{"first", metadata} { // at the same offset
		if err := h.src.Commit(h.ctx, 3, m); err != nil {
			b.Fatal(err)
		}
	}
	leave()
	sources, _ = b.join()
	h = b.partition(sources, 0)
	if got, want := h.src.Committed(), (pipeline.Committed{Offset: 3, Metadata: metadata}); got != want {
		b.Errorf("next owner reads %v, want %v", got, want)
	}
	if got := b.fetch(h, 2); got[0].Offset != 3 {
		b.Errorf("next owner fetches from offset %d", got[0].Offset)
	}
}

func movedPartitionIsClosed(b *bench) {
	first, _ := b.join()
	owned := map[int32]hand{}
	for len(owned) < b.topic.Partitions {
		h := b.take(first)
		owned[h.src.Log().Partition] = h
	}
	second, _ := b.join()
	moved := b.take(second)
	p := moved.src.Log().Partition
	if err := moved.src.Commit(moved.ctx, 0, "owner"); err != nil {
		b.Errorf("the new owner's commit: %v", err)
	}
	if err := owned[p].src.Commit(context.WithoutCancel(b.Context()), 0, "zombie"); !errors.Is(err, pipeline.ErrLost) {
		b.Errorf("the old owner's commit: %v, want ErrLost", err)
	}
	if err := owned[1-p].src.Commit(owned[1-p].ctx, 0, "kept"); err != nil {
		b.Errorf("a commit to the kept partition: %v", err)
	}
}

func commitsAcrossRebalances(b *bench) {
	sources, _ := b.join()
	h := b.partition(sources, 0)
	offset := int64(0)
	for round := range 2 {
		_, leave := b.join()
		for until := time.Now().Add(3 * time.Second); time.Now().Before(until) && h.ctx.Err() == nil; offset++ {
			if err := h.src.Commit(h.ctx, offset, ""); err != nil && h.ctx.Err() == nil {
				b.Fatalf("round %d, offset %d: %v", round, offset, err)
			}
		}
		leave()
		if h.ctx.Err() != nil { // it was partition 0 that moved: take it back
			h = b.partition(sources, 0)
		}
	}
}

func rangeReadAgain(b *bench) {
	b.produce(b.numbered(50)...)
	sources, _ := b.join()
	h := b.partition(sources, 0)
	var seen []string
	if err := h.src.ReadRange(h.ctx, 10, 20, func(r *pipeline.Record) error {
		seen = append(seen, string(r.Value))
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	if len(seen) != 10 || seen[0] != "record 10" || seen[9] != "record 19" {
		b.Errorf("read %q", seen)
	}
	if start, end, err := h.src.Bounds(h.ctx); start != 0 || end != 50 || err != nil {
		b.Errorf("bounds are %d, %d, %v", start, end, err)
	}
	if got := b.fetch(h, 50); got[0].Offset != 0 || got[49].Offset != 49 {
		b.Errorf("the stream was disturbed: %d to %d", got[0].Offset, got[len(got)-1].Offset)
	}
}

func observerTakesNoPart(b *bench) {
	began := time.Now().Add(-time.Minute).UnixMilli() // older records a broker may drop at any time
	for i, r := range b.numbered(50) {
		r.Time = time.UnixMilli(began + int64(i))
		b.produce(r)
	}
	o, err := bus.NewObserver(b.cfg, b.log)
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	standings := func() []bus.Standing {
		s, err := o.Standings(b.Context(), b.name, b.name)
		if err != nil || len(s) != 2 {
			b.Fatalf("standings: %+v, %v", s, err)
		}
		return s
	}
	if s := standings(); s[0].Committed.Offset != -1 || s[0].End != 50 || s[1].End != 0 {
		b.Errorf("before anything is committed: %+v", s)
	}
	sources, _ := b.join()
	h := b.partition(sources, 0)
	if err := h.src.Commit(h.ctx, 3, "note"); err != nil {
		b.Fatal(err)
	}
	s := standings()
	if s[0].Committed != (pipeline.Committed{Offset: 3, Metadata: "note"}) || s[1].Committed.Offset != -1 || s[0].Log != h.src.Log() {
		b.Errorf("standings: %+v", s)
	}
	if b.cfg.GroupProtocol == bus.ProtocolClassic { // of others brokers tell by another request
		if members, err := o.Members(b.Context(), b.name); err != nil || len(members) != 1 || members[0] != b.cfg.ClientID {
			b.Errorf("members: %q, %v", members, err)
		}
	}
	if members, err := o.Members(b.Context(), "no-such-group"); err != nil || len(members) != 0 {
		b.Errorf("members of nobody: %q, %v", members, err)
	}
	var seen []int64
	if err := o.Read(b.Context(), s[0].Log, 10, 20, func(r *pipeline.Record) error {
		seen = append(seen, r.Offset)
		return nil
	}); err != nil || len(seen) != 10 || seen[0] != 10 || seen[9] != 19 {
		b.Errorf("read %v, %v", seen, err)
	}
	for at, want := range map[int64]int64{0: 0, 7: 7, 1000: 50} {
		if got, err := o.OffsetAt(b.Context(), s[0].Log, time.UnixMilli(began+at)); got != want || err != nil {
			b.Errorf("offset at %d: %d, %v; want %d", at, got, err, want)
		}
	}
	if err := h.src.Commit(h.ctx, 4, ""); err != nil {
		b.Errorf("the member was disturbed: %v", err)
	}
}

func existingTopic(b *bench) {
	other := b.topic
	other.Partitions, other.Retention = 5, 2*time.Hour
	warnings, err := bus.EnsureTopics(b.Context(), b.cfg, []bus.Topic{other}, b.log)
	if err != nil || len(warnings) != 2 {
		b.Errorf("two settings differ: %q, %v", warnings, err)
	}
	p, err := bus.NewProducer(b.cfg, b.log, prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if n, err := p.Partitions(b.Context(), b.name); n != b.topic.Partitions || err != nil {
		b.Errorf("topic has %d partitions, %v", n, err)
	}
}

// followerMissesNothing: what is there at the start comes first, what is produced
// later follows, and the log's end is behind both.
func followerMissesNothing(b *bench) {
	b.produce(b.numbered(50)...)
	f, err := bus.NewFollower(b.cfg, b.name, 0, b.log)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	ends := func(want int64) {
		if end, err := f.End(b.Context()); err != nil || end != want {
			b.Errorf("end: %d, %v, want %d", end, err, want)
		}
	}
	ends(50)
	ctx, cancel := context.WithCancel(b.Context())
	seen, done := make(chan int64, 64), make(chan error, 1)
	go func() { done <- f.Follow(ctx, func(r *pipeline.Record) { seen <- r.Offset }) }()
	await := func(from, to int64) {
		for want := from; want < to; want++ {
			select {
			case got := <-seen:
				if got != want {
					b.Errorf("record %d, want %d", got, want)
				}
			case <-time.After(patience):
				b.Fatalf("record %d does not come", want)
			}
		}
	}
	await(0, 50)
	b.produce(b.numbered(3)...)
	await(50, 53)
	ends(53)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		b.Errorf("Follow: %v", err)
	}
}
