package auth

import (
	"fmt"
	"net"
	"strings"
)

// CheckBind refuses to serve beyond this machine without keys. addrs are the
// addresses to listen on; insecure says that the operator wants it all the same.
func CheckBind(addrs []string, haveKeys, insecure bool) error {
	if haveKeys || insecure {
		return nil
	}
	for _, addr := range addrs {
		if !isLoopback(addr) {
			return fmt.Errorf("refusing to listen on %q without API keys: anyone who reaches it could write and read."+
				" Name a keys file by --api-keys-file or SPANMILL_API_KEYS_FILE, listen on 127.0.0.1,"+
				" or accept it by --insecure-no-auth", addr)
		}
	}
	return nil
}

// isLoopback does not resolve names: what a name means may change later.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
