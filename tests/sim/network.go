package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var errDead = errors.New("the process is gone")

// link is all that connects one process with the world. Every byte to and from
// the broker passes here, request by request.
type link struct {
	net *kfake.VirtualNetwork
	// fate decides about each commit, the one kind of request that plans tell
	// apart. pumps counts what is under way.
	fate  func() (Fate, time.Duration)
	pumps *sync.WaitGroup

	mu    sync.Mutex
	dead  chan struct{} // closed when the process is gone
	flows chan struct{} // closed while nothing stalls
	conns map[net.Conn]struct{}
}

func newLink(n *kfake.VirtualNetwork, fate func() (Fate, time.Duration), pumps *sync.WaitGroup) *link {
	flows := make(chan struct{})
	close(flows)
	return &link{net: n, fate: fate, pumps: pumps, dead: make(chan struct{}), flows: flows, conns: map[net.Conn]struct{}{}}
}

// dial connects the process with the broker by two pipes and a pump between.
func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := l.pass(ctx); err != nil {
		return nil, err
	}
	server, err := l.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	client, near := net.Pipe()
	l.mu.Lock()
	l.conns[near] = struct{}{}
	l.mu.Unlock()
	l.pumps.Go(func() { l.up(near, server) })   //nolint:contextcheck // a connection outlives its dialling
	l.pumps.Go(func() { l.down(near, server) }) //nolint:contextcheck // as above
	return client, nil
}

// pass waits while nothing passes.
func (l *link) pass(ctx context.Context) error {
	for {
		l.mu.Lock()
		flows := l.flows
		l.mu.Unlock()
		select {
		case <-l.dead:
			return errDead
		case <-ctx.Done():
			return ctx.Err()
		case <-flows:
		}
		l.mu.Lock()
		same := flows == l.flows
		l.mu.Unlock()
		if same {
			return nil
		}
	}
}

// stall stops everything until the function it gives is called.
func (l *link) stall() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stalled := make(chan struct{})
	l.flows = stalled
	return sync.OnceFunc(func() { close(stalled) })
}

// cut breaks every connection.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
	clear(l.conns)
}

// kill cuts the process off for good.
func (l *link) kill() {
	l.mu.Lock()
	select {
	case <-l.dead:
	default:
		close(l.dead)
	}
	l.mu.Unlock()
	l.cut()
}

// up carries requests. What it has taken from the process is under way, and is
// delivered even when the process is gone meanwhile.
func (l *link) up(near, server net.Conn) {
	defer server.Close()
	defer near.Close()
	for {
		frame, err := readFrame(near)
		if err != nil {
			return
		}
		if err := l.pass(context.Background()); err != nil {
			return
		}
		if kmsg.Key(binary.BigEndian.Uint16(frame[4:])) != kmsg.OffsetCommit {
			if _, err := server.Write(frame); err != nil {
				return
			}
			continue
		}
		fate, delay := l.fate()
		if fate == Lost {
			return
		}
		unheard := fate == Late || fate == Unanswered
		if unheard {
			_ = near.Close()
		}
		if delay > 0 {
			<-time.After(delay)
		}
		if _, err := server.Write(frame); err != nil || unheard {
			return
		}
	}
}

// down carries answers.
func (l *link) down(near, server net.Conn) {
	defer near.Close()
	for {
		frame, err := readFrame(server)
		if err != nil {
			return
		}
		if err := l.pass(context.Background()); err != nil {
			return
		}
		if _, err := near.Write(frame); err != nil {
			return
		}
	}
}

// readFrame reads a request or an answer, its length included.
func readFrame(c net.Conn) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, 4+binary.BigEndian.Uint32(size[:]))
	copy(frame, size[:])
	_, err := io.ReadFull(c, frame[4:])
	return frame, err
}
