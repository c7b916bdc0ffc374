package embedded

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxRequestBytes is Kafka's own socket.request.max.bytes.
	maxRequestBytes = 100 * mib
	minRequestBytes = 8 // key, version, correlation id
	// largeAnswer is what kfake may keep of memory for a connection's answers. It
	// keeps as much as the largest one took, and every reader of every partition
	// has a connection.
	largeAnswer = 2 * mib
)

var errStray = errors.New("not a kafka request")

// guardedListener lets through connections that speak Kafka. kfake allocates
// whatever a frame's first four bytes say and trusts its key.
type guardedListener struct {
	net.Listener
	strays prometheus.Counter
	conns  chan *guardedConn // for Accept
	closed chan struct{}     // closes when the listener accepts no more, for err
	err    error
}

func guard(l net.Listener, strays prometheus.Counter) *guardedListener {
	g := &guardedListener{Listener: l, strays: strays, conns: make(chan *guardedConn), closed: make(chan struct{})}
	go g.listen()
	return g
}

// listen ends with the listener.
func (l *guardedListener) listen() {
	defer close(l.closed)
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.err = err
			return
		}
		go l.offer(c)
	}
}

// offer has kfake accept a connection, unless it closes.
func (l *guardedListener) offer(c net.Conn) {
	select {
	case l.conns <- &guardedConn{Conn: c, from: l}:
	case <-l.closed:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (l *guardedListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, l.err
	}
}

// guardedConn checks the head of every frame before any of it is read. Once a
// large answer was written, and no request is under way, it ends for kfake, which
// forgets the answer then, and the client's connection is accepted anew.
type guardedConn struct {
	net.Conn
	from *guardedListener
	head []byte // checked, not yet read
	body int    // bytes of the frame that follow head

	open  atomic.Int32 // requests without an answer
	large atomic.Bool  // an answer was
	moved atomic.Bool  // the client's connection is another's
}

// Read implements net.Conn.
func (c *guardedConn) Read(p []byte) (int, error) {
	if len(c.head) == 0 && c.body == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	if len(c.head) > 0 {
		n := copy(p, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p[:min(len(p), c.body)])
	c.body -= n
	if c.woken(err) {
		err = nil
	}
	return n, err
}

// next reads and checks the size and key of the next frame.
func (c *guardedConn) next() error {
	head := make([]byte, 0, 6)
	for len(head) < cap(head) {
		n, err := c.Conn.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		switch {
		case n > 0 || err == nil:
		case !c.woken(err):
			return err
		case len(head) == 0 && c.open.Load() == 0:
			c.moved.Store(true)
			go c.from.offer(c.Conn)
			return io.EOF
		}
	}
	size := binary.BigEndian.Uint32(head)
	key := int16(binary.BigEndian.Uint16(head[4:]))
	if size < minRequestBytes || size > maxRequestBytes || key < 0 || kmsg.RequestForKey(key) == nil {
		c.from.strays.Inc()
		return errStray
	}
	c.open.Add(1)
	c.head, c.body = head, int(size)-2
	return nil
}

// woken is true for the error of a read that Write interrupted, and has the next
// one wait again.
func (c *guardedConn) woken(err error) bool {
	return c.large.Load() && errors.Is(err, os.ErrDeadlineExceeded) && c.Conn.SetReadDeadline(time.Time{}) == nil
}

// Write implements net.Conn. kfake writes each answer at once, one after the
// other.
func (c *guardedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if len(p) > largeAnswer {
		c.large.Store(true)
	}
	if c.open.Add(-1) == 0 && c.large.Load() && err == nil {
		err = c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return n, err
}

// Close implements net.Conn.
func (c *guardedConn) Close() error {
	if c.moved.Load() {
		return nil
	}
	return c.Conn.Close()
}
