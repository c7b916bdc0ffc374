package testkit

import (
	"net"
	"testing"
)

// FreeAddr gives a loopback address nobody listens on at this moment. Where
// the program under test can listen on port 0 and say what it got, prefer
// that: between this call and the next Listen somebody else may take the port.
func FreeAddr(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
