package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	// maxMessageBytes is the broker's default for topics that set none.
	maxMessageBytes = 20 * mib
	// never is how often kfake may trim by itself, in milliseconds: a century.
	// It knows no consumer groups when it does.
	never = 100 * 365 * 24 * 3600 * 1000
)

// Deps are what the bus works with.
type Deps struct {
	// Floor may be nil: then only what the groups committed counts.
	Floor Floor
	Log   *slog.Logger
	Reg   prometheus.Registerer
}

// Bus is one running broker.
type Bus struct {
	cfg     Config
	log     *slog.Logger
	metrics metrics
	cluster *kfake.Cluster
	addr    string
	lock    *os.File

	full   atomic.Bool
	stop   context.CancelFunc
	trims  sync.WaitGroup
	closed sync.Once
}

// Open restores the logs, starts the broker and the trimming. ctx bounds the
// opening only; Close ends the bus.
func Open(ctx context.Context, cfg Config, deps Deps) (*Bus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("embedded bus: %w", err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded bus: %w", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded bus: %w", err)
	}
	b := &Bus{cfg: cfg, log: deps.Log, metrics: newMetrics(deps.Reg), lock: lock}
	if err := b.start(ctx, deps.Floor); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded bus in %s: %w", cfg.Dir, err), unlockDir(lock))
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stop = stop
	b.trims.Go(func() { b.trimLoop(background) })
	return b, nil
}

func (b *Bus) start(ctx context.Context, floor Floor) error {
	if err := restore(ctx, b.cfg.Dir, floor, b.log); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("spanmill"),
		kfake.DataDir(b.cfg.Dir),
		kfake.SyncWrites(),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			var config net.ListenConfig
			l, err := config.Listen(context.WithoutCancel(ctx), network, b.cfg.Listen)
			if err != nil {
				return nil, err
			}
			return guard(l, b.metrics.strays), nil
		}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":          strconv.Itoa(maxMessageBytes),
			"log.segment.bytes":          strconv.FormatInt(b.cfg.SegmentBytes, 10),
			"log.cleaner.backoff.ms":     strconv.FormatInt(never, 10),
			"default.replication.factor": "1",
			// Being switched off for a month must not forget what was read.
			"offsets.retention.minutes": strconv.Itoa(1<<31 - 1),
		}),
		kfake.WithLogger(logger{b.log, b.log.Enabled(ctx, slog.LevelDebug)}),
	)
	if err != nil {
		return err
	}
	b.cluster, b.addr = cluster, cluster.ListenAddrs()[0]
	return nil
}

// Addr is where the broker listens, host:port.
func (b *Bus) Addr() string { return b.addr }

// Full reports that the disk budget is taken by records that nobody has read
// yet. Nothing more must be written until it is false again.
func (b *Bus) Full() bool { return b.full.Load() }

// Close stops the broker once what it has is on disk. Consumers should have left
// their groups before.
func (b *Bus) Close() error {
	var err error
	b.closed.Do(func() {
		b.stop()
		b.trims.Wait()
		b.cluster.Close()
		err = errors.Join(syncDir(b.cfg.Dir), unlockDir(b.lock))
	})
	return err
}

// lockName is the file whose lock says that a process uses the directory.
const lockName = "spanmill.lock"

func lockPath(dir string) string { return filepath.Join(dir, lockName) }

// logger passes kfake's messages on. Its routine ones, several a request, are
// not even formatted unless somebody reads them.
type logger struct {
	log   *slog.Logger
	debug bool
}

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch {
	case level == kfake.LogLevelError:
		l.log.Error("broker", "message", fmt.Sprintf(format, args...))
	case level == kfake.LogLevelWarn:
		l.log.Warn("broker", "message", fmt.Sprintf(format, args...))
	case l.debug:
		l.log.Debug("broker", "message", fmt.Sprintf(format, args...))
	}
}
