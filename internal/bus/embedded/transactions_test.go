package embedded_test

import (
	"context"
	"encoding/binary"
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
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

const owner = "owner" // a transactional id

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
		begin(t, b.addr, owner, fmt.Sprint("cut off ", round))
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
		if err := begin(t, b.addr, owner, kept).EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		want = append(want, kept)
		b.kill()
	}
	expectRead(t, dir, want)
}

// expectRead holds what a read_committed reader is given against what it should
// be.
func expectRead(t *testing.T, dir string, want []string) {
	t.Helper()
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

// Killed between a transaction's marker and the offset that is committed with it:
// neither counts. Killed after both: both do.
func TestRecordsAndOffsetAreOneAcrossAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []string
	for round := range int64(4) {
		b := startChild(t, dir)
		c := connect(t, b.addr)
		if round == 0 {
			c.createTopic(1, nil)
		}
		value := fmt.Sprint("record ", round)
		cl := begin(t, b.addr, group+"/"+topic+"/0", value, kgo.MaxVersions(beforeImplied()))
		c.offer(cl, round)
		if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		b.kill()
		committed := fmt.Sprintf("%d ", round)
		if round%2 == 1 {
			committed = fmt.Sprintf("%d ", round-1)
			cutFrame(t, filepath.Join(dir, "groups.log"))
			cutFrame(t, filepath.Join(dir, "pids.log"))
		} else {
			want = append(want, value)
		}
		b = startChild(t, dir)
		if got := connect(t, b.addr).committed(); got != committed {
			t.Fatalf("round %d: committed %q, want %q", round, got, committed)
		}
		b.kill()
	}
	expectRead(t, dir, want)
}

// offer makes an offset part of a client's transaction.
func (c *client) offer(cl *kgo.Client, offset int64) {
	c.t.Helper()
	producer, epoch, err := cl.ProducerID(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	id := group + "/" + topic + "/0"
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = id, producer, epoch, group
	if _, err := add.RequestWith(c.t.Context(), cl); err != nil {
		c.t.Fatal(err)
	}
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = offset
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group, r.Generation = id, producer, epoch, group, -1
	r.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}}
	if resp, err := r.RequestWith(c.t.Context(), cl); err != nil || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		c.t.Fatalf("%+v, %v", resp, err)
	}
}

// cutFrame cuts the last frame off a log of frames, which begin with the length
// of what follows their checksum.
func cutFrame(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for at := 0; at < len(raw); at += 8 + int(binary.LittleEndian.Uint32(raw[at:])) {
		last = at
	}
	shorten(t, path, int64(len(raw)-last))
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
	cl := begin(t, b.addr, owner, "beginning", kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
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
func begin(t *testing.T, addr, id, value string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl := connect(t, addr, append(opts, kgo.TransactionalID(id))...).cl
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return cl
}

// beforeImplied are the versions that our own transactions use, in which an offset
// is added by hand.
func beforeImplied() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 4)
	return v
}
