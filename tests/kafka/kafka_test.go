package kafka_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/bus/bustest"
	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

func TestMain(m *testing.M) {
	child.MainIfChild()
	harness.Main(m)
}

// TestOnRealKafka shares one broker. The first part runs alone: it begins before
// there is a broker.
func TestOnRealKafka(t *testing.T) {
	site := kafka.NewSite(t)
	b := site.Broker
	begin := sync.OnceFunc(func() { site.Start(t) }) // it lives as long as all the tests
	t.Run("processes", func(t *testing.T) { testProcesses(t, site, begin) })
	begin() // where the first part was not asked for
	t.Run("messages", func(t *testing.T) { testMessages(t, site) })
	t.Run("losses", func(t *testing.T) { testLosses(t, site) })
	t.Run("bus", func(t *testing.T) {
		t.Run("classic", func(t *testing.T) { bustest.Run(t, open(b)) })
		t.Run("consumer", func(t *testing.T) {
			cfg := secured(t, b, bus.MechanismSCRAM)
			cfg.GroupProtocol = bus.ProtocolConsumer
			bustest.Run(t, cfg)
		})
		t.Run("security", func(t *testing.T) { testSecurity(t, b) })
		t.Run("settings", func(t *testing.T) { testSettings(t, b) })
	})
}

func open(b *kafka.Broker) bus.Config {
	cfg := bus.Default()
	cfg.Brokers, cfg.Rack = []string{b.Plain}, "rack-1"
	return cfg
}

// secured logs in over TLS.
func secured(t *testing.T, b *kafka.Broker, mechanism string) bus.Config {
	t.Helper()
	cfg := bus.Default()
	cfg.Brokers = []string{b.SASL}
	cfg.Credentials = bus.Credentials{Mechanism: mechanism, User: kafka.User, Password: kafka.Password}
	var err error
	if cfg.TLS, err = (bus.TLSFiles{CA: b.CAFile}).Load(); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// produceOne says whether a client gets in.
func produceOne(t *testing.T, cfg bus.Config, topic string) error {
	t.Helper()
	cfg.ProduceTimeout = 10 * time.Second
	p, err := bus.NewProducer(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	return p.Produce(t.Context(), []pipeline.Record{{Topic: topic, Value: []byte("x")}})
}

// testSecurity gets in by every way there is, and is told what to do when it
// does not.
func testSecurity(t *testing.T, b *kafka.Broker) {
	const topic = "security"
	log := slog.New(slog.DiscardHandler)
	spec := []bus.Topic{{Name: topic, Partitions: 1, Replication: -1, Retention: time.Hour, RetentionBytes: -1}}
	if _, err := bus.EnsureTopics(t.Context(), open(b), spec, log); err != nil {
		t.Fatal(err)
	}
	for _, mechanism := range []string{bus.MechanismPlain, bus.MechanismSCRAM, bus.MechanismSCRAM5} {
		if err := produceOne(t, secured(t, b, mechanism), topic); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
	}
	mutual := bus.Default()
	mutual.Brokers = []string{strings.Replace(b.MTLS, "127.0.0.1", "localhost", 1)}
	var err error
	mutual.TLS, err = bus.TLSFiles{CA: b.CAFile, Cert: b.ClientCert, Key: b.ClientKey, ServerName: "broker.test"}.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := produceOne(t, mutual, topic); err != nil {
		t.Errorf("client certificate: %v", err)
	}
	wrongPassword, wrongCA := secured(t, b, bus.MechanismSCRAM5), secured(t, b, bus.MechanismPlain)
	wrongPassword.Credentials.Password = "guess"
	wrongCA.TLS, _ = bus.TLSFiles{}.Load()
	noLogin := secured(t, b, bus.MechanismNone)
	noLogin.Credentials = bus.Credentials{}
	noTLS := open(b)
	noTLS.Brokers = []string{b.SASL}
	tooMuchTLS := secured(t, b, bus.MechanismPlain)
	tooMuchTLS.Brokers = []string{b.Plain}
	noHost := open(b)
	noHost.Brokers = []string{"no-such-host.invalid:9092"}
	noCertificate := mutual
	noCertificate.TLS, _ = bus.TLSFiles{CA: b.CAFile}.Load()
	for name, tt := range map[string]struct {
		cfg  bus.Config
		want string
	}{
		"wrong password": {wrongPassword, "check --kafka-user"},
		"unknown CA":     {wrongCA, "--kafka-ca-file"},
		"no login":       {noLogin, "--kafka-sasl"},
		"no TLS":         {noTLS, "--kafka-tls"},
		"TLS to plain":   {tooMuchTLS, "leave out --kafka-tls"},
		"unknown host":   {noHost, "no such host as no-such-host.invalid"},
		"no certificate": {noCertificate, "--kafka-cert-file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bus.EnsureTopics(t.Context(), tt.cfg, spec, log)
			if advice := bus.Advice(err); err == nil || !strings.Contains(advice, tt.want) {
				t.Errorf("%v; advice %q, want %q", err, advice, tt.want)
			}
		})
	}
}

// testSettings: topics that are looked at and not made.
func testSettings(t *testing.T, b *kafka.Broker) {
	log := slog.New(slog.DiscardHandler)
	spec := bus.Topic{Name: "settings", Partitions: 1, Replication: -1, Retention: time.Hour, RetentionBytes: -1}
	if _, err := bus.CheckTopics(t.Context(), open(b), []bus.Topic{spec}, log); !errors.Is(err, bus.ErrNoTopic) {
		t.Errorf("a missing topic: %v", err)
	}
	wide := spec
	wide.Name, wide.Replication = "wide", 3
	if _, err := bus.EnsureTopics(t.Context(), open(b), []bus.Topic{wide}, log); !strings.Contains(bus.Advice(err), "--replication") {
		t.Errorf("three replicas on one broker: %v", err)
	}
	if _, err := bus.EnsureTopics(t.Context(), open(b), []bus.Topic{spec}, log); err != nil {
		t.Fatal(err)
	}
	cfg := open(b)
	cfg.GroupProtocol = bus.ProtocolConsumer
	warnings, err := bus.Inspect(t.Context(), cfg, []bus.Topic{spec}, log)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "one replica") {
		t.Errorf("one replica on a new enough broker: %q, %v", warnings, err)
	}
}
