package gateway

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

// budget counts the body bytes that all requests hold (G2).
type budget struct {
	limit int64
	used  atomic.Int64
}

// take takes n bytes, or none and false. It never waits: a request that waited
// would hold what it already took.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit {
		return true
	}
	b.used.Add(-int64(n))
	return false
}

func (b *budget) give(n int) { b.used.Add(-int64(n)) }

const (
	// readStep is how much is taken from the budget and read at once.
	readStep = 32 * kib
	// keepBytes is the largest buffer that is kept for the next request; what
	// a garbage collection finds unused is freed all the same.
	keepBytes = 1 * mib
)

// buffer holds bytes of one request and its part of the budget.
type buffer struct {
	bytes  []byte
	budget *budget
	taken  int
}

// buffers lends buffers out.
type buffers struct {
	budget *budget
	idle   sync.Pool
}

func newBuffers(b *budget) *buffers {
	return &buffers{budget: b, idle: sync.Pool{New: func() any { return &buffer{budget: b} }}}
}

func (p *buffers) get() *buffer {
	b, _ := p.idle.Get().(*buffer) // New gives nothing else
	return b
}

// put ends the life of a buffer's bytes. nil is fine.
func (p *buffers) put(b *buffer) {
	if b == nil {
		return
	}
	p.budget.give(b.taken)
	b.taken, b.bytes = 0, b.bytes[:0]
	if cap(b.bytes) > keepBytes {
		b.bytes = nil
	}
	p.idle.Put(b)
}

// grow makes room for n more bytes and takes them from the budget.
func (b *buffer) grow(n int) bool {
	if !b.budget.take(n) {
		return false
	}
	b.taken += n
	b.bytes = slices.Grow(b.bytes, n)
	return true
}

// settle gives back what grow took beyond the bytes that are there.
func (b *buffer) settle() {
	b.budget.give(b.taken - len(b.bytes))
	b.taken = len(b.bytes)
}

// fill reads r to its end, but never more than bound+1 bytes: one byte too many
// shows that there is more. It returns a *RefusalError, or the error of r.
func (b *buffer) fill(r io.Reader, bound int) error {
	for {
		n := min(readStep, bound+1-len(b.bytes))
		if !b.grow(n) {
			return overloaded()
		}
		read, err := r.Read(b.bytes[len(b.bytes) : len(b.bytes)+n])
		b.bytes = b.bytes[:len(b.bytes)+read]
		b.settle()
		switch {
		case len(b.bytes) > bound:
			return tooLarge(bound)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

func overloaded() *RefusalError {
	return refuse(ReasonOverloaded, "the gateway holds as many request bytes as it may: send again later")
}
