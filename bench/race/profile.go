package race

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spanmill/spanmill/bench/machine"
)

// profiles are CPU profiles of our own processes, one of each stage.
type profiles struct {
	dir string
	// seconds by stage: a profile must end before the stage does.
	seconds map[string]int
}

// share of a stage, as long as it took before, that is profiled.
const share = 0.8

// newProfiles plans profiles by how long the stages of earlier rounds took.
func newProfiles(dir string, earlier []figures) *profiles {
	seconds := func(value func(figures) time.Duration) int {
		return max(1, int(share*spreadOf(earlier, func(f figures) float64 { return value(f).Seconds() }).least))
	}
	return &profiles{dir: dir, seconds: map[string]int{
		"gateway": seconds(func(f figures) time.Duration { return f.flood.Elapsed }),
		"writer":  seconds(func(f figures) time.Duration { return f.drained }),
	}}
}

// begin asks a process for a profile of its CPU; the function it gives waits
// until the profile is in a file.
func (p *profiles) begin(ctx context.Context, stage, admin string) func() error {
	if p == nil {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- p.fetch(ctx, stage, admin) }() // ends with the profile
	return func() error { return <-done }
}

func (p *profiles) fetch(ctx context.Context, stage, admin string) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", admin, p.seconds[stage])
	var body []byte
	err := machine.Poll(ctx, countEvery, func(ctx context.Context) (bool, error) {
		var err error
		body, err = machine.Get(ctx, url)
		return err == nil, nil // the process may have only just been started
	})
	if err != nil {
		return fmt.Errorf("profile the %s: %w", stage, err)
	}
	return os.WriteFile(filepath.Join(p.dir, stage+".pprof"), body, 0o600)
}
