package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/spanmill/spanmill/internal/engine"
)

const (
	// orphanGrace is how long a child may take to end by itself after it was
	// told to; then it ends the hard way (E1).
	orphanGrace = 5 * time.Second
	// lockWait is how long a child waits for a leftover one to go (E2).
	lockWait = orphanGrace + 5*time.Second
	// pollInterval paces everything that can only be polled.
	pollInterval = 20 * time.Millisecond
)

// host runs the library in this process. The library believes that it is
// clickhouse-local in front of a person: it executes a script that opens the
// listeners, then sits at its prompt, and leaves at ^D.
func host(lib string, dir engine.Dir) error {
	// A socket or the log pipe may break; that must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	syscall.Umask(0o077) // the tables are nobody else's business
	stop := lifetime()
	if err := lockDir(dir.Lock(), stop); err != nil {
		return err
	}
	term, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	local, err := loadLibrary(lib)
	if err != nil {
		return err
	}
	go func() { // ends with the process
		<-stop
		term.leave()
		fmt.Fprintln(os.Stderr, "engine: did not stop in time, ending")
		os.Exit(1)
	}()
	err = local.run([]string{
		"clickhouse",
		"--config-file=" + dir.Config(),
		"--path=" + dir.Tables(),
		"--interactive", "--progress=off", "--progress-table=off", "--enable-progress-table-toggle=0",
		"--disable_suggestion", "--history_file=/dev/null",
		"--query", "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;",
	})
	select {
	case <-stop:
		return nil // whatever it said while being stopped
	default:
	}
	return errors.Join(errors.New("clickhouse ended by itself"), err)
}

// lifetime returns a channel that closes when this process should stop: its
// parent closed the pipe on standard input or died, or SIGTERM came.
func lifetime() <-chan struct{} {
	stop := make(chan struct{})
	done := make(chan os.Signal, 2)
	signal.Notify(done, syscall.SIGTERM, syscall.SIGINT)
	// The terminal takes over descriptor 0, so the pipe moves away first.
	fd, err := syscall.Dup(0)
	if err == nil {
		syscall.CloseOnExec(fd)
		go func() { // ends with the pipe
			_, _ = io.Copy(io.Discard, os.NewFile(uintptr(fd), "parent"))
			done <- syscall.SIGTERM
		}()
	} else {
		done <- syscall.SIGTERM
	}
	go func() { // ends with the first reason to stop
		<-done
		close(stop)
	}()
	return stop
}

// lockDir takes the data directory's lock for the rest of the process. A
// leftover engine whose parent died needs a moment to notice.
func lockDir(path string, stop <-chan struct{}) error {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	// The descriptor stays open as long as this process lives: it is the lock.
	deadline := time.After(lockWait)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for waiting := false; syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil; waiting = true {
		if !waiting {
			holder := make([]byte, 20)
			n, _ := syscall.Pread(fd, holder, 0) // only to say it
			fmt.Fprintf(os.Stderr, "engine: waiting for process %s, which uses this data directory\n", holder[:max(n, 0)])
		}
		select {
		case <-tick.C:
		case <-stop:
			return errors.New("stopped while waiting for the data directory")
		case <-deadline:
			return fmt.Errorf("the data directory is still in use after %s", lockWait)
		}
	}
	if err := syscall.Ftruncate(fd, 0); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = syscall.Pwrite(fd, []byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

// library is the part of libchdb's C interface that hosting needs.
type library struct {
	cmdline func(argc int32, argv unsafe.Pointer) uintptr
	message func(result uintptr) string
}

func loadLibrary(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	l := &library{}
	var handleSignals func(on int32)
	for name, fn := range map[string]any{
		"chdb_query_cmdline":               &l.cmdline,
		"chdb_result_error":                &l.message,
		"chdb_set_signal_handlers_enabled": &handleSignals,
	} {
		sym, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s is not the library we know: %w", path, err)
		}
		purego.RegisterFunc(fn, sym)
	}
	handleSignals(0) // the Go runtime needs its own: preemption, nil checks
	return l, nil
}

// run calls the library's main function and returns when that does.
func (l *library) run(args []string) error {
	var pin runtime.Pinner
	// The library reads its arguments throughout; an unreachable Pinner would
	// release them, hence the defer.
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1)
	for i, a := range args {
		c := append([]byte(a), 0)
		pin.Pin(&c[0])
		argv[i] = &c[0]
	}
	pin.Pin(&argv[0])
	// The library keeps what belongs to its main thread in this one.
	runtime.LockOSThread()
	result := l.cmdline(int32(len(args)), unsafe.Pointer(&argv[0])) // C's argv: pinned above
	if result == 0 {
		return nil
	}
	if msg := l.message(result); msg != "" {
		return errors.New(msg)
	}
	return nil
}
