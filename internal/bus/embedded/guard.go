package embedded

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxRequestBytes is Kafka's own socket.request.max.bytes.
	maxRequestBytes = 100 * mib
	minRequestBytes = 8 // key, version, correlation id
)

var errStray = errors.New("not a kafka request")

// guardedListener lets through connections that speak Kafka. kfake allocates
// whatever a frame's first four bytes say and trusts its key.
type guardedListener struct {
	net.Listener
	strays prometheus.Counter
}

func (l guardedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: c, strays: l.strays}, nil
}

// guardedConn checks the head of every frame before any of it is read.
type guardedConn struct {
	net.Conn
	strays prometheus.Counter
	head   []byte // checked, not yet read
	body   int    // bytes of the frame that follow head
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
	return n, err
}

// next reads and checks the size and key of the next frame.
func (c *guardedConn) next() error {
	head := make([]byte, 6)
	if _, err := io.ReadFull(c.Conn, head); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head)
	key := int16(binary.BigEndian.Uint16(head[4:]))
	if size < minRequestBytes || size > maxRequestBytes || key < 0 || kmsg.RequestForKey(key) == nil {
		c.strays.Inc()
		return errStray
	}
	c.head, c.body = head, int(size)-2
	return nil
}
