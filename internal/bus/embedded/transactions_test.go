package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What a transaction had written when its process was killed is never read, not
// even once another transaction of the same id is committed and the bus is
// killed again: it would be counted a second time.
func TestWhatATransactionLeftIsNeverRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []string
	for round := range 3 {
		b := startChild(t, dir)
		c := connect(t, b.addr)
		if round == 0 {
			c.createTopic(1, nil)
		}
		begin(t, b.addr, fmt.Sprint("cut off ", round))
		if round == 1 { // stopped in order, and killed before the id is taken over
			b.close(t)
			b = startChild(t, dir)
		}
		b.kill()
		if round == 2 { // between a batch and its entry in the index
			shorten(t, filepath.Join(dir, "partitions", topic+"-0", "0.idx"), 15)
		}

		b = startChild(t, dir)
		kept := fmt.Sprint("kept ", round)
		if err := begin(t, b.addr, kept).EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		want = append(want, kept)
		b.kill()
	}
	b := open(t, config(dir), nil)
	c := connect(t, b.Addr())
	c.produce(0, "last")
	want = append(want, "last")
	got := c.read(b.Addr(), 0, len(want), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var texts []string
	for _, offset := range slices.Sorted(maps.Keys(got)) {
		texts = append(texts, got[offset])
	}
	if !slices.Equal(texts, want) {
		t.Errorf("read %q, want %q", texts, want)
	}
}

// A producer that outlives the bus cannot commit the rest of a transaction whose
// beginning was aborted with the bus.
func TestATransactionIsNotContinued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startChild(t, dir)
	connect(t, b.addr).createTopic(1, nil)
	var addr atomic.Value
	addr.Store(b.addr)
	cl := begin(t, b.addr, "beginning", kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr.Load().(string))
	}))
	b.kill()
	again := startChild(t, dir)
	addr.Store(again.addr)
	err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("rest")}).FirstErr()
	if err == nil {
		err = cl.EndTransaction(t.Context(), kgo.TryCommit)
	}
	if !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("got %v, want a refusal", err)
	}
}

// shorten cuts bytes off a file.
func shorten(t *testing.T, path string, bytes int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-bytes); err != nil {
		t.Fatal(err)
	}
}

// begin takes the transactional id over and writes a record under it.
func begin(t *testing.T, addr, value string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl := connect(t, addr, append(opts, kgo.TransactionalID("owner"))...).cl
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return cl
}
