package embedded_test

import (
	"context"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLargeAnswersAreForgotten: each reader had records of 8 MiB and waits for
// more, on the connections that it has; the broker keeps none of it in memory.
// It is not parallel: what others allocate would be taken for kept.
func TestLargeAnswersAreForgotten(t *testing.T) {
	const readers, size = 8, 8 << 20
	b := open(t, config(t.TempDir()), nil)
	c := connect(t, b.Addr())
	c.createTopic(readers, nil)
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(rand.Uint32())
	}
	var dials atomic.Int32
	dial := kgo.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, host)
	})
	var clients []*client
	for p := range int32(readers) {
		clients = append(clients, connect(t, b.Addr(), dial, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p: kgo.NewOffset().At(0)}})))
	}
	fetch := func(p int32, value string) {
		c.produce(p, value)
		records := clients[p].cl.PollFetches(t.Context()).Records()
		if len(records) != 1 || string(records[0].Value) != value {
			t.Fatalf("partition %d: %d records, or another one", p, len(records))
		}
	}
	for p := range int32(readers) {
		fetch(p, "small")
	}
	before, dialled := kept(), dials.Load()
	for p := range int32(readers) {
		fetch(p, string(value))
		fetch(p, "small") // the connection is accepted anew
	}
	if more := kept() - before; more > readers*size/4 {
		t.Errorf("%d MiB more are kept after %d answers of %d MiB", more>>20, readers, size>>20)
	}
	if more := dials.Load() - dialled; more != 0 {
		t.Errorf("clients had to dial %d times", more)
	}
}

// kept is what is left of the heap after garbage collection.
func kept() int64 {
	for range 3 { // pools forget with the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
