// Package mlflowserver runs a real `mlflow server`, as its own packages install
// it, beside ours: the oracle of the compatibility tests and the peer of the
// benchmark.
package mlflowserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
)

const (
	// startTimeout is for a machine that is busy: the server imports hundreds of
	// modules and makes a database.
	startTimeout = 8 * time.Minute
	askEvery     = 100 * time.Millisecond
	stopTimeout  = 10 * time.Second
	// lastWords is how much of the log an error repeats.
	lastWords = 4000
)

// Options say which server to run.
type Options struct {
	// Python has the full mlflow package.
	Python string
	// Dir gets its database, its artifacts and its log.
	Dir string
	// Workers is how many processes answer requests.
	Workers int
}

// Server is a running server.
type Server struct {
	// URL is where it answers.
	URL string
	// Database is its SQLite file.
	Database string

	cmd    *exec.Cmd
	log    string
	exited chan struct{}
	held   *os.File // the end of a pipe on which the server's life hangs
}

// Start runs a server on a free port and returns when it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	addr, err := testkit.DrawAddr(ctx)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addr, Database: filepath.Join(o.Dir, "mlflow.db"), log: filepath.Join(o.Dir, "mlflow.log"), exited: make(chan struct{})}
	s.cmd = exec.Command("bash", "-c", watched, "mlflow",
		o.Python, "-m", "mlflow", "server", "--host", host, "--port", port, "--workers", strconv.Itoa(o.Workers), "--backend-store-uri", "sqlite:///"+s.Database,
		"--artifacts-destination", filepath.Join(o.Dir, "artifacts"))
	s.cmd.Dir = o.Dir
	s.cmd.Env = append(os.Environ(), "MLFLOW_DISABLE_TELEMETRY=true", "DO_NOT_TRACK=true")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.start(); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start mlflow server: %w; its last words:\n%s", err, s.LastWords())
	}
	return s, nil
}

// watched becomes the server, which has children and grandchildren: all of its
// group end when the other end of descriptor 3 is closed, as it is at the latest
// when this process dies.
const watched = `{ read -r _ <&3; kill -KILL -- -$$; } & exec 3<&-; exec "$@"`

func (s *Server) start() error {
	alive, held, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start mlflow server: %w", err)
	}
	defer alive.Close()
	s.cmd.ExtraFiles, s.held = []*os.File{alive}, held
	log, err := os.Create(s.log)
	if err != nil {
		return fmt.Errorf("start mlflow server: %w", err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start mlflow server: %w", err)
	}
	go func() { // ends with the process
		_ = s.cmd.Wait() // its log says why
		close(s.exited)
	}()
	return nil
}

// await asks until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/health", http.NoBody)
		if err != nil {
			return err
		}
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// Stop ends the server and all that it started.
func (s *Server) Stop() {
	group := -s.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM) // already gone is as good
	late := time.NewTimer(stopTimeout)
	defer late.Stop()
	select {
	case <-s.exited:
	case <-late.C:
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // a worker that outlives its parent
	s.held.Close()
	<-s.exited
}

// LastWords is the end of the server's log.
func (s *Server) LastWords() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return strings.ToValidUTF8(string(text[max(0, len(text)-lastWords):]), "")
}

// PIDs are all processes of the server that are there now.
func (s *Server) PIDs() ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// pid (name) state ppid pgrp …; the name may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(s.cmd.Process.Pid) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
