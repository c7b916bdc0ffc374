package race

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spanmill/spanmill/bench/load"
	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/internal/demo/ledger"
	"github.com/spanmill/spanmill/internal/demo/oracle"
	"github.com/spanmill/spanmill/internal/testkit"
)

const (
	// countEvery paces the question how many rows are there.
	countEvery = 250 * time.Millisecond
	// stalled is how long no row may come before a side has no more to come.
	stalled = 30 * time.Second
)

// round is one turn of a side.
type round struct {
	*race

	side side
	name string // of its group and folder: it was never used before
	// paced go first, at a rate, then flood.
	paced, flood []load.Body
	// profiles is how long to profile each stage; nil: not at all.
	profiles *profiles

	dir    string
	book   *ledger.Ledger
	places places
	meter  meter
	f      figures
}

// run runs both stages. Everything it started has ended when it returns.
func (r *round) run(ctx context.Context) (figures, error) {
	r.dir = filepath.Join(r.folder, r.name)
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return r.f, err
	}
	defer os.RemoveAll(r.dir)
	r.book = ledger.New(r.generator.Options())
	r.places = places{brokers: r.broker.Addr, topic: r.side.topic, group: r.name}
	for _, to := range []*string{&r.places.http, &r.places.grpc, &r.places.admin} {
		var err error
		if *to, err = testkit.DrawAddr(ctx); err != nil {
			return r.f, err
		}
	}
	r.meter = meter{kafka: r.broker.PID(), self: os.Getpid()}
	if err := machine.ResetPeak(r.broker.PID()); err != nil {
		return r.f, err
	}
	if !r.side.makesTopic {
		if err := r.broker.CreateTopic(ctx, r.side.topic, r.options.Partitions); err != nil {
			return r.f, err
		}
	}
	err := r.load(ctx)
	if err == nil {
		err = r.drain(ctx)
	}
	if err != nil {
		return r.f, fmt.Errorf("%s: %w", r.side.name, err)
	}
	r.f.kafkaPeak, err = machine.Peak(r.broker.PID())
	if err != nil {
		return r.f, err
	}
	return r.f, r.broker.DeleteTopic(ctx, r.side.topic)
}

// load is stage 1.
func (r *round) load(ctx context.Context) error {
	gateway, err := machine.Start(ctx, r.side.gateway(r.places), r.dir)
	if err != nil {
		return err
	}
	defer gateway.Stop()
	r.meter.gateway = gateway.PID()
	defer func() { r.meter.gateway = 0 }()
	client, err := r.client()
	if err != nil {
		return err
	}
	defer client.Close()

	if err := r.pace(ctx, client); err != nil {
		return fmt.Errorf("%w; the gateway's last words:\n%s", err, gateway.LastWords())
	}
	before, err := r.meter.read()
	if err != nil {
		return err
	}
	profiled := r.profiles.begin(ctx, "gateway", r.places.admin)
	if r.f.flood, err = load.Send(ctx, r.flood, client, r.sendConfig()); err != nil {
		return fmt.Errorf("%w; the gateway's last words:\n%s", err, gateway.LastWords())
	}
	after, err := r.meter.read()
	if err != nil {
		return err
	}
	r.f.loading = after.since(before)
	r.sayf("%d spans acked, %.0f a second, gateway %.2f CPU-s a million", r.f.flood.Spans, r.f.flood.Rate(),
		perMillion(r.f.loading.gateway, r.f.flood.Spans))
	if err := profiled(); err != nil {
		return err
	}
	r.f.gatewayPeak, err = machine.Peak(gateway.PID())
	return err
}

// pace is the open loop. The first requests, which find connections to be made,
// are sent before its clock runs.
func (r *round) pace(ctx context.Context, client load.Client) error {
	cold, paced := r.paced[:len(r.paced)/coldShare], r.paced[len(r.paced)/coldShare:]
	first, err := load.Send(ctx, cold, client, r.sendConfig())
	if err != nil || len(paced) == 0 {
		return err
	}
	cfg := r.sendConfig()
	cfg.Rate, cfg.Workers = r.options.PacedRate, pacedWorkers
	r.f.paced, err = load.Send(ctx, paced, client, cfg)
	r.f.paced.Spans += first.Spans
	return err
}

const (
	// coldShare is which share of the paced requests goes first: a tenth.
	coldShare = 10
	// pacedWorkers are more than ever wait at a rate that is easy.
	pacedWorkers = 64
)

func (r *round) sendConfig() load.Config {
	cfg := load.DefaultConfig()
	cfg.Workers, cfg.Ledger = r.options.Workers, r.book
	return cfg
}

func (r *round) client() (load.Client, error) {
	if r.options.GRPC {
		return load.NewGRPC(r.places.grpc)
	}
	return load.NewHTTP("http://"+r.places.http+"/v1/traces", max(r.options.Workers, pacedWorkers)), nil
}

// drain is stage 2.
func (r *round) drain(ctx context.Context) error {
	engine, err := machine.StartEngine(ctx, r.library, filepath.Join(r.dir, "clickhouse"), r.options.EngineMiB<<20)
	if err != nil {
		return err
	}
	defer engine.Stop()
	r.places.clickhouse, r.meter.engine = engine, engine.PID()
	if r.clickhouse == "" {
		version, err := engine.Query(ctx, "SELECT version()")
		if err != nil {
			return err
		}
		r.clickhouse = version[0]
	}
	before, err := r.meter.read()
	if err != nil {
		return err
	}
	writer, err := machine.Start(ctx, r.side.writer(r.places), r.dir)
	if err != nil {
		return err
	}
	defer writer.Stop()
	r.meter.writer = writer.PID() // all that it uses, from its start on
	profiled := r.profiles.begin(ctx, "writer", r.places.admin)
	if err := r.awaitRows(ctx, engine, writer); err != nil {
		return err
	}
	after, err := r.meter.read()
	if err != nil {
		return err
	}
	r.f.draining = after.since(before)
	if err := profiled(); err != nil {
		return err
	}
	if r.f.mergesOver, err = engine.Settle(ctx); err != nil {
		return err
	}
	settled, err := r.meter.read()
	if err != nil {
		return err
	}
	r.f.settled = settled.since(before)
	return r.look(ctx, engine, writer)
}

// awaitRows returns when as many rows are there as spans were acked, or when
// none has come for long.
func (r *round) awaitRows(ctx context.Context, engine *machine.Engine, writer *machine.Process) error {
	began, last, rows := time.Now(), time.Now(), uint64(0)
	want := r.f.flood.Spans + r.f.paced.Spans
	err := machine.Poll(ctx, countEvery, func(ctx context.Context) (bool, error) {
		if writer.Ended() {
			return false, fmt.Errorf("the writer ended; its last words:\n%s", writer.LastWords())
		}
		n, err := engine.Count(ctx, "SELECT count() FROM "+r.side.table)
		if err != nil {
			n = 0 // the table is not there yet; a dead engine is a stall
		}
		if n > rows {
			rows, last = n, time.Now()
		}
		return rows >= want || time.Since(last) > stalled, nil
	})
	r.f.drained = last.Sub(began)
	if err == nil && rows == 0 {
		err = fmt.Errorf("no row came; the writer's last words:\n%s", writer.LastWords())
	}
	r.sayf("%d of %d rows in %s", rows, want, r.f.drained.Round(100*time.Millisecond))
	return err
}

// look reads what is left to know, after the clocks were read.
func (r *round) look(ctx context.Context, engine *machine.Engine, writer *machine.Process) (err error) {
	spans := r.f.flood.Spans + r.f.paced.Spans
	r.sayf("writer %.2f, ClickHouse %.2f CPU-s a million, merges included", perMillion(r.f.draining.writer, spans),
		perMillion(r.f.settled.engine, spans))
	if r.f.writerPeak, err = machine.Peak(writer.PID()); err != nil {
		return err
	}
	if r.f.enginePeak, err = machine.Peak(engine.PID()); err != nil {
		return err
	}
	if r.f.bytes, err = engine.Count(ctx, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'spanmill'"); err != nil {
		return err
	}
	r.f.found, err = oracle.CheckIDs(ctx, r.book, engine.Rows(),
		"SELECT "+r.side.ids+" FROM "+r.side.table+" SETTINGS max_threads = 1")
	return err
}
