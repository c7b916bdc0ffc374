package service

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// exitCode is what a shell reports for a process that SIGINT ended.
const exitCode = 130

// Signals gives a context that ends on the first SIGINT or SIGTERM. The second
// one ends the process at once, whatever it is doing: somebody is waiting.
// stop gives the signals back to the runtime and ends the context.
func Signals(parent context.Context, log *slog.Logger) (ctx context.Context, stop func()) {
	received := make(chan os.Signal, 2) // both may come before the goroutine runs
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithCancel(parent)
	quit := make(chan struct{})
	ended := make(chan struct{})
	// Ends with stop, or with the process.
	go func() {
		defer close(ended)
		watch(ctx, log, watched{received: received, quit: quit, drain: cancel, exit: os.Exit})
	}()
	return ctx, func() {
		signal.Stop(received)
		close(quit)
		<-ended
		cancel()
	}
}

// watched is what watch listens to and what it does.
type watched struct {
	received <-chan os.Signal
	quit     <-chan struct{}
	drain    func()
	exit     func(code int)
}

func watch(ctx context.Context, log *slog.Logger, w watched) {
	for n := 1; ; n++ {
		select {
		case <-w.quit:
			return
		case s := <-w.received:
			if n > 1 {
				log.WarnContext(ctx, "second signal, exiting at once", "signal", s.String())
				w.exit(exitCode)
				return
			}
			log.InfoContext(ctx, "stopping; a second signal exits at once", "signal", s.String())
			w.drain()
		}
	}
}
