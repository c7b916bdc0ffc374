// Command record runs real instrumentations against the fakes of package
// llmfake and keeps what they export as captures. `make corpus` calls it.
//
//	go run ./tests/corpus/record [-only PREFIX] -python PYTHON -modules NODE_MODULES
//
// Each run of a client is its own process: instrumentations patch what they
// instrument. What differs from run to run is made stable (stable.go); nothing
// else is touched.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// folder is where captures are kept, seen from the root of the tree.
const folder = "tests/corpus/testdata/captures"

// patience bounds one client's run: a cold start on a busy machine.
const patience = 10 * time.Minute

func main() {
	var c clients
	flag.StringVar(&c.only, "only", "", "record the captures whose names begin so")
	flag.StringVar(&c.python, "python", "", "python of the environment of tests/corpus/python")
	flag.StringVar(&c.older, "older", "", "python of the environment of tests/corpus/older")
	flag.StringVar(&c.modules, "modules", "", "node_modules of tests/corpus/js")
	flag.Parse()
	if err := c.record(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// record runs every wanted client. One that fails does not keep the others
// from being recorded.
func (c clients) record(ctx context.Context) error {
	var failed []error
	kept := 0
	for _, r := range runs() {
		if !strings.HasPrefix(r.name(), c.only) {
			continue
		}
		n, err := c.keep(ctx, r)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", r.name(), err))
		}
		kept += n
	}
	fmt.Fprintf(os.Stderr, "%d captures kept, %d runs failed\n", kept, len(failed))
	return errors.Join(failed...)
}

// keep runs one client and writes its captures.
func (c clients) keep(ctx context.Context, r run) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := newSink()
	defer s.close()
	if err := c.start(ctx, r, s); err != nil {
		return 0, err
	}
	captures, err := s.captures()
	if err != nil {
		return 0, err
	}
	if len(captures) == 0 {
		return 0, errors.New("exported nothing")
	}
	for signal, content := range captures {
		file := filepath.Join(folder, r.dialect, r.variant+"."+r.scenario+"."+signal+".json")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return 0, err
		}
	}
	return len(captures), nil
}
