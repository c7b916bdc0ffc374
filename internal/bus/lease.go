package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// commitPause spaces tries of a commit that was refused for a passing reason.
const commitPause = 250 * time.Millisecond

// identity is what the group knows a member by in one generation.
type identity struct {
	member     string
	generation int32
}

// lease is the right to commit one partition (W1). It is granted by an
// assignment, refreshed by each later one that keeps the partition, and ended
// by its revocation. After end returned, no commit is outstanding and none
// will be sent.
type lease struct {
	// busy is held while the one commit is outstanding. A channel, so that a
	// waiter counts as blocked in virtual time.
	busy chan struct{}

	mu      sync.Mutex
	id      identity
	ended   error
	changed chan struct{} // closed by the next refresh or end
}

func newLease(id identity) *lease {
	return &lease{busy: make(chan struct{}, 1), id: id, changed: make(chan struct{})}
}

// refresh takes the lease into a new generation. It is refused to a member of
// another name: the group had thrown out the one that held the lease, and
// somebody else may have owned the partition since.
func (l *lease) refresh(id identity) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id.member != id.member {
		return false
	}
	if l.ended != nil {
		return true
	}
	l.id = id
	close(l.changed)
	l.changed = make(chan struct{})
	return true
}

// expire makes every commit from now on fail with err, the first reason given.
func (l *lease) expire(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = err
		close(l.changed)
	}
}

// end expires the lease and waits for the commit that is outstanding.
func (l *lease) end(err error) {
	l.expire(err)
	l.busy <- struct{}{}
	<-l.busy
}

func (l *lease) state() (id identity, changed <-chan struct{}, ended error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id, l.changed, l.ended
}

// sendCommit sends one commit under an identity and returns what the broker
// said: nil, a *kerr.Error, errNotSent, or what became of the connection.
type sendCommit func(context.Context, identity) error

// errNotSent: the commit never left, since no coordinator was found.
var errNotSent = errors.New("commit not sent")

// commit sends until the outcome is definite or unknown for good (W2).
func (l *lease) commit(ctx context.Context, send sendCommit, count func(outcome string)) error {
	for {
		changed, err := l.try(ctx, send)
		switch verdictOf(err) {
		case applied:
			count("applied")
			return nil
		case refused:
			count("refused")
			return refusal(err)
		case unknown:
			count("ambiguous")
			l.expire(pipeline.ErrAmbiguous)
			return fmt.Errorf("%w: %w", pipeline.ErrAmbiguous, err)
		case again:
			count("again")
		}
		if err := l.wait(ctx, changed); err != nil {
			return err
		}
	}
}

// try sends one request and gives the channel that closes when the lease it
// was sent under changes.
func (l *lease) try(ctx context.Context, send sendCommit) (<-chan struct{}, error) {
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return nil, stopped{l.why(ctx)}
	}
	id, changed, ended := l.state()
	if ended != nil {
		return nil, stopped{ended}
	}
	return changed, send(ctx, id)
}

// hold keeps the lease from ending until release is called, and gives what it
// is held as. It is for what takes several requests.
func (l *lease) hold() (release func(), id identity, err error) {
	l.busy <- struct{}{}
	id, _, ended := l.state()
	if ended != nil {
		<-l.busy
		return nil, id, ended
	}
	return func() { <-l.busy }, id, nil
}

// wait lasts until the lease changed or a moment has passed.
func (l *lease) wait(ctx context.Context, changed <-chan struct{}) error {
	pause := time.NewTimer(commitPause)
	defer pause.Stop()
	select {
	case <-changed:
	case <-pause.C:
	case <-ctx.Done():
		return l.why(ctx)
	}
	return nil
}

// why says what a commit stopped for: the lease's end, which also ends the
// handler's context, rather than that context.
func (l *lease) why(ctx context.Context) error {
	if _, _, ended := l.state(); ended != nil {
		return ended
	}
	return ctx.Err()
}

// stopped is our own refusal: nothing was sent.
type stopped struct{ error }

func (s stopped) Unwrap() error { return s.error }

type verdict int

const (
	applied verdict = iota
	again
	refused
	unknown
)

// verdictOf reads an answer. Any answer means that the coordinator has put the
// commit into its order or refused it for good, so the same content may follow
// (again) and nothing older can land behind it. No answer means that it may
// land at any later time: unknown.
func verdictOf(err error) verdict {
	var own stopped
	switch {
	case err == nil:
		return applied
	case errors.As(err, &own):
		return refused
	case errors.Is(err, errNotSent):
		return again
	}
	var code *kerr.Error
	if !errors.As(err, &code) {
		return unknown
	}
	switch code {
	case kerr.IllegalGeneration, kerr.StaleMemberEpoch, kerr.RebalanceInProgress, // until refreshed or revoked
		kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress:
		return again
	case kerr.RequestTimedOut, kerr.UnknownServerError:
		return unknown
	}
	return refused
}

// refusal turns a definite refusal into what Source.Commit promises: ErrLost
// when the partition is not ours any more, else a plain error, which halts.
func refusal(err error) error {
	if own, ok := errors.AsType[stopped](err); ok {
		return own.error
	}
	for _, code := range []error{
		kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.FencedMemberEpoch,
		kerr.GroupIDNotFound, kerr.UnknownTopicID, kerr.UnknownTopicOrPartition,
	} {
		if errors.Is(err, code) {
			return fmt.Errorf("%w: %w", pipeline.ErrLost, err)
		}
	}
	return fmt.Errorf("commit refused: %w", err)
}
