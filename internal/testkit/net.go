package testkit

import (
	"context"
	"fmt"
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
	addr, err := DrawAddr(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// DrawAddr is FreeAddr where there is no test.
func DrawAddr(ctx context.Context) (string, error) {
	var config net.ListenConfig
	for range portTries {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(leastPort+rand.IntN(portsEnd-leastPort)))
		l, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		return addr, nil
	}
	return "", fmt.Errorf("no free port found between %d and %d", leastPort, portsEnd)
}
