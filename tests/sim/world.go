package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topicSpans   = "spans"
	topicLetters = "dead-letters"
	groupName    = "writers"

	brokerPort    = 9092
	brokerAddress = "127.0.0.1:9092"

	// tick is how often the world looks at itself while it waits.
	tick = 500 * time.Millisecond
	// patience is how long writers have, once nothing fails any more, to come
	// to rest. Virtual.
	patience = 5 * time.Minute
)

// world is everything of one history.
type world struct {
	plan    Plan
	began   time.Time
	net     *kfake.VirtualNetwork
	cluster *kfake.Cluster
	client  *kgo.Client // ours: it writes the log and never fails
	tables  *tables
	log     *slog.Logger

	underWay sync.WaitGroup // requests that may still arrive

	lives   int
	running map[int]*process
	all     []*process
	topicID string // of the topic's present life
	ledger  ledger
	expired map[source]bool
	unread  map[source]int64 // first offset that anybody could have read
	reached map[source]int64 // greatest committed offset seen
	looked  string           // what checkCommitted saw last

	mu     sync.Mutex // of what processes share with the plan
	rng    *rand.Rand
	armed  map[string][]Event        // fates of requests to come
	away   struct{ code, until int } // milliseconds since began
	stalls []func()                  // each ends one
	faults map[string]int            // that came to be
	lines  []string
	wrong  []error
}

// Report is what a history was like.
type Report struct {
	// Hits counts the faults that came to be, by kind.
	Hits map[string]int
	// Trace is what happened, line by line.
	Trace []string
	// Err is what the oracle objects to; nil: exactly once.
	Err error
}

// Play lives a plan through. It must run in a bubble of testing/synctest.
func Play(plan Plan) Report {
	w := &world{
		plan: plan, began: time.Now(), net: new(kfake.VirtualNetwork), tables: newTables(plan.Window),
		running: map[int]*process{}, ledger: ledger{},
		armed: map[string][]Event{}, faults: map[string]int{}, rng: rand.New(rand.NewPCG(plan.Seed, 2)),
		expired: map[source]bool{}, unread: map[source]int64{}, reached: map[source]int64{},
	}
	w.log = slog.New(slog.NewTextHandler(liner{w}, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: withoutTime}))
	if err := w.open(); err != nil {
		return Report{Err: err}
	}
	err := errors.Join(w.live(), w.rest())
	w.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.Copy(w.faults, w.tables.hits)
	return Report{Hits: w.faults, Trace: w.lines, Err: errors.Join(append(append(w.wrong, w.tables.broken...), err)...)}
}

func (w *world) open() (err error) {
	w.cluster, err = kfake.NewCluster(
		kfake.Ports(brokerPort), kfake.ListenFn(w.net.Listen),
		kfake.SeedTopics(int32(w.plan.Partitions), topicSpans), kfake.SeedTopics(1, topicLetters),
	)
	if err != nil {
		return err
	}
	w.learnTopic()
	w.client, err = kgo.NewClient(
		kgo.SeedBrokers(brokerAddress), kgo.Dialer(w.net.DialContext), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.DisableClientMetrics(), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return err
	}
	w.cluster.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		c := r.(*kmsg.OffsetCommitRequest)
		for _, t := range c.Topics {
			for _, p := range t.Partitions {
				w.tracef("broker: commit of partition %d: %d %s by %.8s/%d", p.Partition, p.Offset, *p.Metadata, tail(c.MemberID), c.Generation)
			}
		}
		return nil, nil, false
	})
	return nil
}

func tail(s string) string { return s[max(0, len(s)-8):] }

func (w *world) close() {
	for _, p := range w.all {
		p.link.kill()
		p.stop()
	}
	for _, p := range w.all {
		<-p.done
		p.tell()
	}
	w.client.Close()
	w.cluster.Close()
	w.underWay.Wait()
}

// live plays the events.
func (w *world) live() error {
	events := slices.Clone(w.plan.Events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.AtMilli - b.AtMilli })
	for _, e := range events {
		w.until(w.began.Add(time.Duration(e.AtMilli) * time.Millisecond))
		if err := w.happen(e); err != nil {
			return fmt.Errorf("event %s at %d: %w", e.Kind, e.AtMilli, err)
		}
	}
	return nil
}

// until waits, looking now and then.
func (w *world) until(at time.Time) {
	for {
		left := time.Until(at)
		if left <= 0 {
			return
		}
		<-time.After(min(left, tick))
		w.look()
	}
}

// look is what goes on all the time: others fill the tables' windows, and what
// is committed must be stored.
func (w *world) look() {
	w.tables.crowd()
	if err := w.expelTheDead(); err != nil {
		w.broken(err)
	}
	if err := w.checkCommitted(); err != nil {
		w.broken(err)
	}
}

// expelTheDead does what a coordinator does and kfake forgets: a member that
// vanished between joining and hearing its assignment is expelled when its
// session is over.
func (w *world) expelTheDead() error {
	g := w.cluster.GroupInfo(groupName)
	if g == nil {
		return nil
	}
	for _, m := range g.Members {
		i := slices.IndexFunc(w.all, func(p *process) bool { return p.name == m.ClientID })
		if i < 0 || w.all[i].died.IsZero() || time.Since(w.all[i].died) < sessionTimeout+tick {
			continue
		}
		r := kmsg.NewPtrLeaveGroupRequest()
		r.Group = groupName
		gone := kmsg.NewLeaveGroupRequestMember()
		gone.MemberID = m.MemberID
		r.Members = append(r.Members, gone)
		w.tracef("the coordinator expels %s", m.ClientID)
		if _, err := r.RequestWith(context.Background(), w.client); err != nil {
			return fmt.Errorf("expel %s: %w", m.ClientID, err)
		}
	}
	return nil
}

// happen makes one event come true.
func (w *world) happen(e Event) error {
	if e.Kind != Produce {
		w.tracef("event %s", e)
	}
	p := w.running[e.Writer]
	switch e.Kind {
	case Produce:
		return w.produce(e.Sent)
	case Start:
		return w.bringUp(e.Writer)
	case Commit, Insert, Ask:
		w.arm(e)
	case Away:
		w.mu.Lock()
		w.away.code, w.away.until = e.Code, e.AtMilli+e.ForMilli
		w.mu.Unlock()
	case Refuse:
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.TypedErrorForCode(int16(e.Code))})
	case Expel:
		w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
	case Expire:
		if err := w.expire(e.Partition); err != nil {
			return err
		}
	case Recreate:
		if err := w.recreate(); err != nil {
			return err
		}
	case Mend:
		w.tables.mend()
	case Drain, Crash, Stall, Cut:
		if p == nil {
			return nil
		}
		w.befall(p, e)
	default:
		return errors.New("no such event")
	}
	w.hit(string(e.Kind))
	return nil
}

func (w *world) bringUp(slot int) error {
	if w.running[slot] != nil {
		return nil
	}
	p, err := w.start(slot)
	if err != nil {
		return err
	}
	w.running[slot] = p
	w.all = append(w.all, p)
	return nil
}

// befall is what happens to a process that runs.
func (w *world) befall(p *process, e Event) {
	switch e.Kind {
	case Drain:
		p.stop()
		delete(w.running, e.Writer)
	case Crash:
		p.crash()
		delete(w.running, e.Writer)
	case Cut:
		p.link.cut()
	default: // Stall
		release := p.link.stall()
		w.mu.Lock()
		w.stalls = append(w.stalls, release)
		w.mu.Unlock()
		time.AfterFunc(time.Duration(e.ForMilli)*time.Millisecond, release)
	}
}

// rest ends the faults, waits until the writers have nothing left to do, lets
// what is late arrive, and asks the oracle.
func (w *world) rest() error {
	w.tracef("calm")
	w.calm()
	arrived := time.Now().Add(w.plan.longest() + longestStall + tick) // whatever is under way now
	if len(w.running) == 0 {
		if err := w.bringUp(0); err != nil {
			return err
		}
	}
	for waited := time.Duration(0); ; waited += tick {
		left := w.unsettled()
		if left == nil {
			break
		}
		if waited > patience {
			g := w.cluster.GroupInfo(groupName)
			return fmt.Errorf("%s after the last fault: %w; group %s, generation %d, members %v", patience, left, g.State, g.Epoch, g.Members)
		}
		<-time.After(tick)
		w.look()
	}
	w.until(arrived)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return w.verify(ctx)
}
