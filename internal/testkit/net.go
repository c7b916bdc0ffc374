package testkit

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The kernel hands out ports from 32768 on to those who listen on port 0 or
// dial. FreeAddr stays below, so that none of them takes what it gave before
// its program listens there.
const (
	leastPort = 20000
	portsEnd  = 32000
	portTries = 100
)

// FreeAddr gives a loopback address nobody listens on at this moment. Where
// the program under test can listen on port 0 and say what it got, prefer
// that: another test that draws the same port may still come first.
func FreeAddr(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	for range portTries {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(leastPort+rand.IntN(portsEnd-leastPort)))
		l, err := config.Listen(t.Context(), "tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		return addr
	}
	t.Fatalf("no free port found between %d and %d", leastPort, portsEnd)
	return ""
}
