package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// clients are where the programs are.
type clients struct {
	only, python, older, modules string
}

// run is one client's run: a scenario, played by an SDK that a variant of a
// dialect instruments.
type run struct {
	dialect, variant, scenario string
}

func (r run) name() string { return r.dialect + "/" + r.variant + "." + r.scenario }

// start plays the scenario and returns when the client has exported.
func (c clients) start(ctx context.Context, r run, s *sink) error {
	cmd := exec.CommandContext(ctx, c.python, "tests/corpus/python/play.py", r.dialect, r.variant, r.scenario)
	switch {
	case r.dialect == "vercel":
		cmd = exec.CommandContext(ctx, "node", "tests/corpus/js/play.js", r.variant, r.scenario)
	case strings.HasPrefix(r.variant, "older-"):
		cmd.Path, cmd.Args[0] = c.older, c.older
	}
	// An environment of its own: no setting of the machine gets into a capture.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TZ=UTC", "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1",
		"NODE_PATH=" + c.modules, "FAKE=" + s.server.URL, "NO_PROXY=*",
		"OTEL_SERVICE_NAME=corpus", "OTEL_PYTHON_LOG_LEVEL=error",
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.Stdout = &complaints
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, complaints.String())
	}
	return nil
}
