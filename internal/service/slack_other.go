//go:build !linux

package service

// RelaxTimers does something on Linux only.
func RelaxTimers() {}
