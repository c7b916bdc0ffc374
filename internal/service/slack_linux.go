package service

import (
	"os"
	"runtime"
	"syscall"
)

// RelaxTimers starts the program anew, once, so that the kernel may end the sleeps
// of its threads a millisecond late instead of 50 µs. What the process has done so
// far is lost: a long-lived command begins with it.
//
// Go's monitor thread sleeps for 20 µs at a time while goroutines come and go,
// which in a server of short requests is always, and wakes up for nothing: an
// eighth of the gateway's CPU (docs/adr/010-timer-slack.md). A thread has its
// slack from the thread that made it, and the monitor is there before us; but the
// first thread keeps its own across exec. Where that cannot be, all stays as it is.
func RelaxTimers() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if slack() >= int64(timerSlack) {
		return // after exec, or whoever started us has seen to it
	}
	self, err := os.Executable()
	if err != nil || !setSlack(int64(timerSlack)) {
		return
	}
	_ = syscall.Exec(self, os.Args, os.Environ()) //nolint:gosec // it is this very program; and it returns only if it failed
}

// Of prctl(2).
const (
	prSetTimerSlack = 29
	prGetTimerSlack = 30
)

// slack is the calling thread's, in nanoseconds; 0: it has none, or nobody knows.
func slack() int64 {
	ns, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prGetTimerSlack, 0, 0)
	if errno != 0 {
		return 0
	}
	return int64(ns)
}

// setSlack reports whether the slack is what it was set to: a thread under a
// real-time policy has none.
func setSlack(ns int64) bool {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, uintptr(ns), 0) // what counts is what it is then
	return slack() == ns
}
