//go:build !(linux && amd64)

package engine

import (
	"runtime"
	"syscall"
)

// Supported says whether the engine can run on this machine, and if not, what
// to do instead.
func Supported() error { return unsupported(runtime.GOOS + "/" + runtime.GOARCH) }

func detached() *syscall.SysProcAttr { return nil }

func reservePort(string) (string, func(), error) { return "", nil, Supported() }
