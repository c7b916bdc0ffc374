package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is one child, from start to end.
type process struct {
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the child is gone
	err    error         // why; read after ended
}

// startProcess re-executes this binary as the child. When ctx ends the child
// is told to stop, and killed if it does not within StopTimeout.
func startProcess(ctx context.Context, cfg Config) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{output: &tail{}, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, self, Command, cfg.LibPath, cfg.DataDir)
	p.cmd.SysProcAttr = detached()
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	life, err := p.cmd.StdinPipe() // open as long as the child should live (E1)
	if err != nil {
		return nil, err
	}
	p.cmd.Cancel = life.Close
	p.cmd.WaitDelay = cfg.StopTimeout // then Wait kills it
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the child
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the child at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// explain adds what the child said last to an error.
func (p *process) explain(err error) error {
	if said := p.output.String(); said != "" {
		return fmt.Errorf("%w; its last words:\n%s", err, said)
	}
	return err
}

// awaitReady returns when the engine answers on both listeners and the
// database is there.
func (p *process) awaitReady(ctx context.Context, at Endpoint) error {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		err := ping(ctx, at)
		if err == nil {
			return nil
		}
		// The listeners did not open, and the library sits at its prompt.
		if p.output.contains("DB::Exception") {
			return errors.New("the engine could not open its listeners")
		}
		select {
		case <-p.ended:
			return fmt.Errorf("the engine ended while starting: %w", p.err)
		case <-ctx.Done():
			return fmt.Errorf("the engine does not answer: %w", err)
		case <-tick.C:
		}
	}
}

const (
	// pingInterval paces the questions to a starting engine.
	pingInterval = 10 * time.Millisecond
	// pingTimeout bounds one question.
	pingTimeout = 5 * time.Second
)

// ping makes sure of the database over HTTP, which proves that the password
// is accepted and tables can be made, and of the native listener.
func ping(ctx context.Context, at Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	native, err := (&net.Dialer{}).DialContext(ctx, "tcp", at.TCPAddr)
	if err != nil {
		return err
	}
	_ = native.Close()
	query := "CREATE DATABASE IF NOT EXISTS " + at.Database + " ENGINE = Atomic"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.HTTPAddr, strings.NewReader(query))
	if err != nil {
		return err
	}
	req.Close = true // nothing to keep: the next question is for another child
	req.Header.Set("X-ClickHouse-User", at.User)
	req.Header.Set("X-ClickHouse-Key", at.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, tailBytes))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", resp.StatusCode, body)
	}
	return err
}
