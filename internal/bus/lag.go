package bus

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// lag is how far a partition's commits are behind its log.
type lag struct {
	mu        sync.Mutex
	opened    bool
	end       int64 // high watermark
	next      int64 // no record below it is still to be read
	committed int64
	// given is the offset behind the last record that was read: what lies between
	// it and next are markers, which nobody commits.
	given int64
	// pending holds the first record of each fetch that is not committed.
	pending []mark
	// behind is when unread records were first noticed while none is pending.
	behind time.Time
}

type mark struct {
	offset int64
	at     time.Time
}

func (l *lag) open(start, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened, l.end, l.next, l.committed, l.given = true, end, start, start, start
}

func (l *lag) read(records []pipeline.Record, next, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(records) > 0 {
		l.pending = append(l.pending, mark{records[0].Offset, records[0].Time})
		l.given = records[len(records)-1].Offset + 1
	}
	l.next, l.end = next, max(l.end, end)
}

func (l *lag) commit(offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committed = offset
	for len(l.pending) > 1 && l.pending[1].offset <= offset {
		l.pending = l.pending[1:]
	}
	if offset >= l.given {
		l.pending = nil
	}
}

// measure gives the lag at now, given the log's end. ok is false while the
// source has not begun.
func (l *lag) measure(end int64, now time.Time) (records int64, age time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = max(l.end, end)
	done := l.committed
	if done >= l.given {
		done = max(done, l.next)
	}
	records = max(l.end-done, 0)
	if records == 0 {
		l.behind = time.Time{}
		return 0, 0, l.opened
	}
	if len(l.pending) > 0 {
		l.behind = time.Time{}
		return records, max(now.Sub(l.pending[0].at), 0), l.opened
	}
	if l.behind.IsZero() {
		l.behind = now
	}
	return records, now.Sub(l.behind), l.opened
}

// measureLag asks for the logs' bounds now and then: a partition whose handler
// stands still fetches nothing, and its lag grows all the same. It is also when
// topics are looked at: for added partitions, and whether they still are the
// ones that were assigned.
func (m *membership) measureLag() {
	tick := time.NewTicker(m.c.cfg.LagInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-m.life.Done():
			return
		}
		if topics, err := m.adm.ListTopics(m.life, m.c.cfg.Topics...); err == nil {
			m.watchTopics(topics)
		}
		starts, err := m.adm.ListStartOffsets(m.life, m.c.cfg.Topics...)
		if err != nil {
			m.log.Debug("lag not measured", "err", err)
			continue
		}
		ends, err := m.adm.ListEndOffsets(m.life, m.c.cfg.Topics...)
		if err != nil {
			m.log.Debug("lag not measured", "err", err)
			continue
		}
		m.showLag(func(tp topicPartition) (start, end int64) {
			first, _ := starts.Lookup(tp.topic, tp.partition)
			last, _ := ends.Lookup(tp.topic, tp.partition)
			if first.Err != nil || last.Err != nil {
				return 0, 0
			}
			return first.Offset, last.Offset
		})
	}
}

// watchTopics says when a topic got more partitions, and has them taken in. A
// topic made anew under its old name is none that we were assigned: the library
// would wait for the old one, so a new member has to begin.
func (m *membership) watchTopics(topics kadm.TopicDetails) {
	for name, t := range topics {
		if t.Err != nil {
			m.log.Warn("the topic is not to be seen", "topic", name, "err", t.Err)
			continue
		}
		m.countPartitions(name, len(t.Partitions))
		if old, another := m.anotherThan(name, t.ID); another {
			m.rejoin(fmt.Errorf("topic %s was deleted and made anew: its id was %x and is %x", name, old, t.ID[:]))
		}
	}
}

// countPartitions notices that partitions were added since they were last
// counted.
func (m *membership) countPartitions(topic string, n int) {
	before := m.c.counts[topic]
	m.c.counts[topic] = n
	m.c.metrics.partitions.WithLabelValues(topic).Set(float64(n))
	added := m.c.metrics.added.WithLabelValues(topic) // there before it counts anything
	if n <= before {
		return
	}
	if before > 0 {
		added.Add(float64(n - before))
		m.log.Warn("partitions were added to the topic: traces move to other ones, and a resend that crosses the change is not recognised",
			"topic", topic, "partitions", n, "before", before)
	}
	m.cl.ForceMetadataRefresh() // the library looks every few minutes only
}

// anotherThan compares a topic's id with that of our sources.
func (m *membership) anotherThan(name string, id [16]byte) (old [16]byte, another bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tp, s := range m.sources {
		if tp.topic != name {
			continue
		}
		select {
		case <-s.known:
			if s.log.TopicID != id {
				return s.log.TopicID, true
			}
		default:
		}
	}
	return old, false
}

// showLag sets the gauges of the partitions that are ours at this moment.
func (m *membership) showLag(bounds func(topicPartition) (start, end int64)) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for tp, s := range m.sources {
		start, end := bounds(tp)
		records, age, ok := s.lag.measure(end, now)
		if !ok {
			continue
		}
		partition := strconv.Itoa(int(tp.partition))
		m.c.metrics.lagRecords.WithLabelValues(tp.topic, partition).Set(float64(records))
		m.c.metrics.lagSeconds.WithLabelValues(tp.topic, partition).Set(age.Seconds())
		m.c.metrics.unread.WithLabelValues(tp.topic, partition).Set(unreadRatio(records, start, end))
	}
}

// unreadRatio is how much of what the log keeps is still to be read. While
// nothing was trimmed nothing is about to be lost.
func unreadRatio(records, start, end int64) float64 {
	if start <= 0 || end <= start {
		return 0
	}
	return min(float64(records)/float64(end-start), 1)
}
