package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// askEvery paces questions to a process that starts.
	askEvery = 100 * time.Millisecond
	// startTimeout is for a machine that is busy: a JVM takes seconds.
	startTimeout = 2 * time.Minute
	// stopTimeout is what a process gets to end in order.
	stopTimeout = 40 * time.Second
	// lastWords is how much of a log an error repeats.
	lastWords = 2000
)

// Command is how to start a program.
type Command struct {
	Path string
	Args []string
	Env  []string // beside the benchmark's own
	// Ready is a URL that answers 200 once the program serves; "": nothing to ask.
	Ready string
}

// Process is a running program.
type Process struct {
	name, log string
	cmd       *exec.Cmd
	exited    chan struct{}
}

// Start runs a program, its output in a file of dir, and returns when it
// serves.
func Start(ctx context.Context, c Command, dir string) (*Process, error) {
	p, err := launch(c, dir)
	if err != nil || c.Ready == "" {
		return p, err
	}
	err = p.await(ctx, func(ctx context.Context) error { return answers(ctx, c.Ready) })
	if err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func launch(c Command, dir string) (*Process, error) {
	p := &Process{name: filepath.Base(c.Path), exited: make(chan struct{})}
	p.log = filepath.Join(dir, p.name+".log")
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	defer log.Close()
	p.cmd = exec.Command(c.Path, c.Args...) //nolint:noctx // it is stopped in order, by Stop
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// A benchmark that is killed leaves nothing running; one that is interrupted
	// stops its processes itself, in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() { // ends with the process
		_ = p.cmd.Wait() // its log says why
		close(p.exited)
	}()
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop asks the process to end, and kills it when it takes too long.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // already gone is as good
	late := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.exited
}

// await asks check until it returns nil; it fails when the process ends before.
func (p *Process) await(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := Poll(ctx, askEvery, func(ctx context.Context) (bool, error) {
		if p.Ended() {
			return false, errors.New("it ended")
		}
		return check(ctx) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("start %s: %w; its last words:\n%s", p.name, err, p.LastWords())
	}
	return nil
}

// LastWords is the end of what the process wrote.
func (p *Process) LastWords() string {
	text := p.said()
	return strings.ToValidUTF8(text[max(0, len(text)-lastWords):], "")
}

func (p *Process) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Ended reports whether the process is gone.
func (p *Process) Ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// Poll asks, so often, until the answer is yes or an error.
func Poll(ctx context.Context, every time.Duration, ask func(context.Context) (bool, error)) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if done, err := ask(ctx); done || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// answers wants a 200.
func answers(ctx context.Context, url string) error {
	_, err := Get(ctx, url)
	return err
}

// Get reads a page.
func Get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return body, err
}
