package engine

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
)

// glibcLoader is there exactly where programs linked against glibc run.
const glibcLoader = "/lib64/ld-linux-x86-64.so.2"

// Supported says whether the engine can run on this machine, and if not, what
// to do instead.
func Supported() error {
	if _, err := os.Stat(glibcLoader); err != nil {
		return unsupported("linux/amd64 without glibc")
	}
	return nil
}

// detached puts the child into a session of its own: ^C at the user's
// terminal is for the parent, which stops the engine last.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true}
}

// soReusePort is missing from package syscall on this platform.
const soReusePort = 0xf

// reservePort binds addr without listening and returns the address with its
// port and a function that gives it up. Because both sides allow the port to
// be shared, the child can listen on it, come and go, and no other process
// gets it meanwhile (E3).
func reservePort(addr string) (bound string, release func(), err error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	family, sa := sockaddr(tcp)
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = syscall.Close(fd)
		}
	}()
	for _, option := range []int{syscall.SO_REUSEADDR, soReusePort} {
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, option, 1); err != nil {
			return "", nil, fmt.Errorf("set socket option: %w", err)
		}
	}
	if err := syscall.Bind(fd, sa); err != nil {
		return "", nil, fmt.Errorf("bind %s: %w", addr, err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", nil, fmt.Errorf("read bound address: %w", err)
	}
	bound = net.JoinHostPort(tcp.IP.String(), strconv.Itoa(portOf(name)))
	return bound, func() { _ = syscall.Close(fd) }, nil
}

func sockaddr(tcp *net.TCPAddr) (family int, sa syscall.Sockaddr) {
	if ip := tcp.IP.To4(); ip != nil {
		return syscall.AF_INET, &syscall.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	}
	return syscall.AF_INET6, &syscall.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP.To16())}
}

func portOf(sa syscall.Sockaddr) int {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return sa.Port
	case *syscall.SockaddrInet6:
		return sa.Port
	}
	return 0
}
