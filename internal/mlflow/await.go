package mlflow

import (
	"context"
	"time"

	"github.com/spanmill/spanmill/internal/query"
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

// infoFollows is how long after a trace's last span its info is expected.
const infoFollows = 10 * time.Second

// settled reports whether nothing more is expected of a trace's info. MLflow's SDK
// sends a trace's spans first and then what it says of the trace; for a moment
// the tables may have only the spans. Spans of others are followed by nothing,
// and those of the SDK, where it only exports, by nothing for ever: hence the
// bound.
func settled(t *query.TraceInfo) bool {
	return t.Finalized || !t.Announced || time.Since(time.UnixMilli(t.SpansMilli)) > infoFollows
}

// allSettled is settled for several.
func allSettled(infos []query.TraceInfo) bool {
	for i := range infos {
		if !settled(&infos[i]) {
			return false
		}
	}
	return true
}

// awaitTrace reports whether the tables know a trace, or will in a moment.
func (s *Server) awaitTrace(ctx context.Context, tenant, traceID string) (bool, error) {
	return s.await(ctx, func(ctx context.Context) (bool, error) {
		infos, err := s.deps.Reader.TraceInfos(ctx, tenant, []string{traceID})
		return len(infos) > 0, err
	})
}
