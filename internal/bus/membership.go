package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

var (
	// errLeaving ends the contexts of handlers whose member leaves.
	errLeaving = errors.New("leaving the group")
	// errRenamed: the library heard in JoinGroup that the group does not know the
	// member, and joined under a new name without a word about the partitions.
	errRenamed = errors.New("the group had thrown the member out; it came back under another name")
	// errReturned: a handler ended though nobody asked it to.
	errReturned = errors.New("handler returned without being asked to")
)

// membership is one life in the group: one client, one member id, from join to
// leave. It owns the sources of the partitions it is assigned.
//
// The library calls assigned, fetched and gone one at a time from its group
// goroutine; handlers run in goroutines of their own.
type membership struct {
	c      *Consumer
	log    *slog.Logger
	handle Handler

	// life is the handlers' context. It outlasts Run's by the drain.
	life   context.Context
	kill   context.CancelCauseFunc
	drains context.Context // ends when sources are to finish
	finish context.CancelFunc

	// The client joins from the moment it is made, so its first callback waits
	// for made to close: then cl and adm are set.
	made        chan struct{}
	cl          *kgo.Client
	adm         *kadm.Client
	coordinator atomic.Int32 // broker id, -1: look it up

	over     chan struct{} // closed by rejoin: the member has to leave
	overOnce sync.Once
	why      error // set before over closes

	handlers sync.WaitGroup
	loops    sync.WaitGroup // poll and lag

	mu      sync.Mutex
	closing bool // no source starts any more
	sources map[topicPartition]*source
	// last is the newest source's end per partition, so that two handlers of
	// one partition never overlap.
	last map[topicPartition]<-chan struct{}
}

func newMembership(ctx context.Context, c *Consumer, handle Handler) *membership {
	life, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	drains, finish := context.WithCancel(life)
	m := &membership{
		c: c, log: c.log, handle: handle,
		life: life, kill: kill, drains: drains, finish: finish,
		made:    make(chan struct{}),
		over:    make(chan struct{}),
		sources: make(map[topicPartition]*source),
		last:    make(map[topicPartition]<-chan struct{}),
	}
	m.coordinator.Store(-1)
	return m
}

// join creates the client, which joins by itself, and starts the two loops.
func (m *membership) join() error {
	cfg := m.c.cfg
	cl, err := kgo.NewClient(append(append(options(m.c.bus, m.log), protocol(m.c.bus)...),
		kgo.ConsumerGroup(cfg.Group),
		kgo.ConsumeTopics(cfg.Topics...),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.HeartbeatInterval(cfg.HeartbeatInterval),
		kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.gone),
		kgo.OnPartitionsLost(m.gone),
		kgo.OnOffsetsFetched(m.fetched),
		// The group client reads nothing: sources have readers of their own.
		kgo.AdjustFetchOffsetsFn(func(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return nil, nil
		}),
	)...)
	if err != nil {
		return err
	}
	m.cl, m.adm = cl, kadm.NewClient(cl)
	close(m.made)
	m.loops.Go(m.poll)
	m.loops.Go(m.measureLag)
	return nil
}

// poll drains the errors that the library reports this way. It ends with the
// client. An error about a partition means that the library gave up on it in
// this session, so only a new one can bring it back.
func (m *membership) poll() {
	for {
		fetches := m.cl.PollFetches(m.life)
		if fetches.IsClientClosed() || m.life.Err() != nil {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			if topic == "" || partition < 0 {
				m.log.Warn("group session failed, trying again", "topic", topic, "err", err)
				return
			}
			m.rejoin(fmt.Errorf("fetch committed offset of %s/%d: %w", topic, partition, err))
		})
	}
}

// assigned runs in every generation, with no new partitions too: that is where
// the leases of kept partitions are refreshed (W1).
func (m *membership) assigned(_ context.Context, cl *kgo.Client, added map[string][]int32) {
	<-m.made
	var id identity
	id.member, id.generation = cl.GroupMetadata()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.refresh(id) {
		m.rejoin(errRenamed)
		return
	}
	if m.closing {
		return
	}
	for topic, partitions := range added {
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			s := newSource(m, tp, id)
			m.sources[tp] = s
			before := m.last[tp]
			m.last[tp] = s.done
			m.handlers.Go(func() { m.own(s, before) }) //nolint:contextcheck // a source lives until its partition is revoked, not as long as the callback
		}
	}
	m.c.metrics.owned.Set(float64(len(m.sources)))
	m.log.Info("partitions assigned", "partitions", added, "generation", id.generation)
}

// refresh carries the kept partitions' leases into a new generation; false: they
// were not kept without a break, and have ended. The caller holds mu.
func (m *membership) refresh(id identity) bool {
	kept := true
	for _, s := range m.sources {
		if s.lease.refresh(id) {
			continue
		}
		s.lease.expire(pipeline.ErrLost)
		s.cancel(pipeline.ErrLost)
		kept = false
	}
	return kept
}

// gone ends the leases of revoked and lost partitions. Nothing of them can be
// committed once it returns; their handlers end on their own time.
func (m *membership) gone(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	var ended []*source
	m.mu.Lock()
	for topic, partitions := range lost {
		for _, p := range partitions {
			tp := topicPartition{topic, p}
			if s := m.sources[tp]; s != nil {
				delete(m.sources, tp)
				ended = append(ended, s)
			}
			m.c.metrics.forget(topic, strconv.Itoa(int(p)))
		}
	}
	m.c.metrics.owned.Set(float64(len(m.sources)))
	m.mu.Unlock()
	for _, s := range ended {
		s.lease.expire(pipeline.ErrLost)
		s.cancel(pipeline.ErrLost)
	}
	for _, s := range ended {
		s.lease.end(pipeline.ErrLost)
	}
	if len(lost) > 0 {
		m.log.Info("partitions revoked", "partitions", lost)
	}
}

// fetched hands sources what the group holds for them. The library reads it
// stable: no transaction is about to change it.
func (m *membership) fetched(ctx context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	ids, err := m.topicIDs(ctx)
	if err != nil {
		return fmt.Errorf("look up topic ids: %w", err)
	}
	names := make(map[[16]byte]string)
	for name, id := range ids {
		names[id] = name
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, group := range resp.Groups {
		for _, t := range group.Topics {
			name := t.Topic
			if name == "" { // newer brokers answer by id only
				name = names[t.TopicID]
			}
			if name == "" {
				return fmt.Errorf("committed offsets of topic id %x, which is none of %v", t.TopicID, m.c.cfg.Topics)
			}
			if t.TopicID != ([16]byte{}) && t.TopicID != ids[name] {
				// The client asked for a topic that was made anew since, and would
				// go on so: what came is not what the group holds (W5).
				err := fmt.Errorf("committed offsets of topic %s are those of its former life", name)
				m.rejoin(err)
				return err
			}
			for _, p := range t.Partitions {
				if s := m.sources[topicPartition{name, p.Partition}]; s != nil && p.ErrorCode == 0 {
					s.begin(ids[name], p)
				}
			}
		}
	}
	return nil
}

// topicIDs asks the brokers, never the client's memory: a topic made anew a
// moment ago has another id, and rows and tokens under the old one would take
// its records for those that stood at the same offsets before (W10).
func (m *membership) topicIDs(ctx context.Context) (map[string][16]byte, error) {
	r := kmsg.NewPtrMetadataRequest()
	for _, topic := range m.c.cfg.Topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(topic)
		r.Topics = append(r.Topics, t)
	}
	resp, err := r.RequestWith(ctx, m.cl)
	if err != nil {
		return nil, err
	}
	ids := make(map[string][16]byte)
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("%s: %w", *t.Topic, err)
		}
		ids[*t.Topic] = t.TopicID
	}
	return ids, nil
}

// own runs one source from its assignment to its end.
func (m *membership) own(s *source, before <-chan struct{}) {
	defer close(s.done)
	if before != nil {
		<-before
	}
	m.settle(s, s.serve())
	s.cancel(errReturned)
}

// settle acts on how a handler ended.
func (m *membership) settle(s *source, err error) {
	log := m.log.With("topic", s.tp.topic, "partition", s.tp.partition)
	switch {
	case s.ctx.Err() != nil || !m.owns(s): // revoked, or the whole member ends
		log.Debug("partition handler ended", "err", err)
	case err == nil && m.drains.Err() != nil:
		log.Debug("partition drained")
	case errors.Is(err, pipeline.ErrAmbiguous), errors.Is(err, pipeline.ErrRejoin), errors.Is(err, pipeline.ErrLost):
		m.rejoin(fmt.Errorf("%s/%d: %w", s.tp.topic, s.tp.partition, err))
	default:
		if err == nil {
			err = errReturned
		}
		m.halt(s, err)
		log.Error("partition halted; the others go on", "err", err)
	}
}

// owns is false from the moment a revocation is known.
func (m *membership) owns(s *source) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sources[s.tp] == s
}

// halt shows the partition as standing still until it is revoked.
func (m *membership) halt(s *source, err error) {
	s.lease.expire(err)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sources[s.tp] == s {
		m.c.metrics.halted.WithLabelValues(s.tp.topic, strconv.Itoa(int(s.tp.partition))).Set(1)
	}
}

// rejoin asks Run to end this member and to begin another.
func (m *membership) rejoin(why error) {
	m.overOnce.Do(func() {
		m.why = why
		close(m.over)
	})
}

// drain lets handlers finish what they hold, for a while.
func (m *membership) drain() {
	m.close()
	m.finish()
	idle := make(chan struct{})
	go func() { // ends with the last handler, which leave waits for
		m.handlers.Wait()
		close(idle)
	}()
	patience := time.NewTimer(m.c.cfg.DrainTimeout)
	defer patience.Stop()
	select {
	case <-idle:
	case <-patience.C:
		m.log.Warn("drain took too long; batches in hand are left to the next owner", "timeout", m.c.cfg.DrainTimeout)
	}
}

func (m *membership) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closing = true
}

// leave ends every handler, waits for them, and leaves the group. Whatever
// commit is still under way is refused from then on: its member is unknown.
func (m *membership) leave() {
	m.close()
	m.finish()
	m.kill(errLeaving)
	m.handlers.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(m.life), m.c.bus.RequestTimeout)
	defer cancel()
	if err := m.cl.LeaveGroupContext(ctx); err != nil {
		m.log.Warn("group not left; it forgets us after the session timeout", "err", err)
	}
	m.cl.Close()
	m.loops.Wait()
}
