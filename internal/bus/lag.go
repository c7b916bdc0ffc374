package bus

import (
	"strconv"
	"sync"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// lag is how far a partition's commits are behind its log.
type lag struct {
	mu        sync.Mutex
	opened    bool
	end       int64 // high watermark
	next      int64 // no record below it is still to be read
	committed int64
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
	l.opened, l.end, l.next, l.committed = true, end, start, start
}

func (l *lag) read(records []pipeline.Record, next, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(records) > 0 {
		l.pending = append(l.pending, mark{records[0].Offset, records[0].Time})
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
	if offset >= l.next {
		l.pending = nil
	}
}

// measure gives the lag at now, given the log's end. ok is false while the
// source has not begun.
func (l *lag) measure(end int64, now time.Time) (records int64, age time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = max(l.end, end)
	records = max(l.end-l.committed, 0)
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

// measureLag asks for the logs' ends now and then: a partition whose handler
// stands still fetches nothing, and its lag grows all the same.
func (m *membership) measureLag() {
	tick := time.NewTicker(m.c.cfg.LagInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-m.life.Done():
			return
		}
		ends, err := m.adm.ListEndOffsets(m.life, m.c.cfg.Topics...)
		if err != nil {
			m.log.Debug("lag not measured", "err", err)
			continue
		}
		m.showLag(func(tp topicPartition) int64 {
			end, _ := ends.Lookup(tp.topic, tp.partition)
			if end.Err != nil {
				return 0
			}
			return end.Offset
		})
	}
}

// showLag sets the gauges of the partitions that are ours at this moment.
func (m *membership) showLag(end func(topicPartition) int64) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for tp, s := range m.sources {
		records, age, ok := s.lag.measure(end(tp), now)
		if !ok {
			continue
		}
		partition := strconv.Itoa(int(tp.partition))
		m.c.metrics.lagRecords.WithLabelValues(tp.topic, partition).Set(float64(records))
		m.c.metrics.lagSeconds.WithLabelValues(tp.topic, partition).Set(age.Seconds())
	}
}
