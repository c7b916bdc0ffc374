package engine_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/engine/enginetest"
)

// Clients that break off, reset and talk nonsense must not bring the engine
// down (ClickHouse issue 115666).
func TestSurvivesHostileClients(t *testing.T) {
	e := enginetest.Start(t)
	at, pid := e.Endpoint(), e.PID()
	const post = "POST / HTTP/1.1\r\nHost: x\r\n"
	for addr, messages := range map[string][]string{
		at.TCPAddr: {
			"", "\x00garbage", "\x07", "\x00\xff\xff\xff\xff\xff", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
		},
		at.HTTPAddr: {
			"", "\x00garbage", "GET", "\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
			post + "Content-Length: 1000\r\n\r\nabc",
			post + "Transfer-Encoding: chunked\r\n\r\nffffffffff\r\nabc",
			post + "Content-Length: 8\r\n\r\nSELECT 1",
		},
	} {
		for i := range 40 {
			abuse(t, addr, messages[i%len(messages)], i%3)
		}
	}
	if e.PID() != pid {
		t.Error("the engine was started again")
	}
	want(t, at, "SELECT 1", "1")
}

// abuse sends a message and then resets the connection, closes it, or closes
// it after having read something.
func abuse(t *testing.T, addr, message string, manner int) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, message) // the server may have hung up already
	switch manner {
	case 0:
		_ = conn.(*net.TCPConn).SetLinger(0)
	case 1:
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = conn.Read(make([]byte, 10))
	}
}
