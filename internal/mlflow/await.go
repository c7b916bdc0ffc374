package mlflow

import (
	"context"
	"time"
)

const (
	// awaitFirst and awaitMost space the looks for what was acknowledged a moment
	// ago and is on its way to the tables.
	awaitFirst = 25 * time.Millisecond
	awaitMost  = 400 * time.Millisecond
)

// await looks again until something is there, for ReadWait at most. An error
// ends it.
func (s *Server) await(ctx context.Context, look func(context.Context) (bool, error)) (bool, error) {
	deadline := time.NewTimer(s.cfg.ReadWait)
	defer deadline.Stop()
	for pause := awaitFirst; ; pause = min(2*pause, awaitMost) {
		if found, err := look(ctx); found || err != nil {
			return found, err
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-deadline.C:
			again.Stop()
			return false, nil
		case <-ctx.Done():
			again.Stop()
			return false, ctx.Err()
		}
	}
}

// awaitTrace reports whether the tables know a trace, or will in a moment.
func (s *Server) awaitTrace(ctx context.Context, tenant, traceID string) (bool, error) {
	return s.await(ctx, func(ctx context.Context) (bool, error) {
		infos, err := s.deps.Reader.TraceInfos(ctx, tenant, []string{traceID})
		return len(infos) > 0, err
	})
}
