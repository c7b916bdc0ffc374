package child

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// terminal is the far end of the pseudo-terminal on descriptor 0.
//
// The library must believe in a person at a keyboard: otherwise it installs
// an error handler that turns any client's socket error into the end of the
// process (ClickHouse issue 115666), so one malformed packet would do.
type terminal struct {
	master *os.File
}

// openTerminal makes descriptor 0 a terminal and keeps its output drained.
func openTerminal() (*terminal, error) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	var unlock, number int32
	if err := ioctl(master, syscall.TIOCSPTLCK, &unlock); err != nil {
		return nil, err
	}
	if err := ioctl(master, syscall.TIOCGPTN, &number); err != nil {
		return nil, err
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	if err := syscall.Dup3(int(slave.Fd()), 0, 0); err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, master) }() // ends with the process
	return &terminal{master: master}, nil
}

func ioctl(f *os.File, request uintptr, value *int32) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(value))) // the kernel writes one int32
	if errno != 0 {
		return errno
	}
	return nil
}

// leave types ^D, which counts only at the prompt, until the grace is over.
// The library ending is the end of the process.
func (t *terminal) leave() {
	const endOfTransmission = 4
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for range orphanGrace / pollInterval {
		_, _ = t.master.Write([]byte{endOfTransmission})
		<-tick.C
	}
}
