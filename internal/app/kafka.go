package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/pkg/schema"
)

// kafka names a Kafka that somebody else runs.
type kafka struct {
	Brokers  []string `help:"Kafka brokers to start from, host:port, with commas between." default:"127.0.0.1:9092"`
	ClientID string   `name:"kafka-client-id" help:"Name shown in the brokers' logs and quotas." default:"spanmill"`
	Rack     string   `name:"kafka-rack" help:"Rack or zone of this process, as broker.rack has it, to read from the nearest replica."`

	TLS        bool   `name:"kafka-tls" help:"Speak TLS with the brokers."`
	CAFile     string `name:"kafka-ca-file" help:"Certificates that may have signed the brokers'; else those this machine trusts." type:"path"`
	CertFile   string `name:"kafka-cert-file" help:"Our own certificate, for brokers that ask for one; read again for each connection." type:"path"`
	KeyFile    string `name:"kafka-key-file" help:"Its key." type:"path"`
	ServerName string `name:"kafka-server-name" help:"Name in the brokers' certificates, if it is not the one they are dialled by."`

	SASL         string `name:"kafka-sasl" help:"How to log in: none, plain, scram-sha-256 or scram-sha-512." enum:"none,plain,scram-sha-256,scram-sha-512" default:"none"`
	User         string `name:"kafka-user" help:"User to log in as."`
	PasswordFile string `name:"kafka-password-file" help:"File with the user's password; else SPANMILL_KAFKA_PASSWORD." type:"path"`

	Codec            string `name:"kafka-codec" help:"Compression of what is produced: snappy, lz4, zstd, gzip or none." default:"snappy"`
	MaxInFlightBytes int64  `name:"kafka-in-flight-bytes" help:"Bytes produced and not yet acknowledged before more is refused." default:"67108864" because:"beyond it requests are refused; it must hold one record of 20 MiB"`
}

// plain is the configuration without what is read from files.
func (k kafka) plain() bus.Config {
	cfg := bus.Default()
	cfg.Brokers, cfg.ClientID, cfg.Rack = k.Brokers, k.ClientID, k.Rack
	cfg.Codec, cfg.MaxInFlightBytes = k.Codec, k.MaxInFlightBytes
	cfg.Credentials = bus.Credentials{Mechanism: k.SASL, User: k.User}
	return cfg
}

// config reads the files.
func (k kafka) config() (bus.Config, error) {
	cfg := k.plain()
	var err error
	if k.SASL != bus.MechanismNone {
		if cfg.Credentials.Password, err = secret("Kafka", k.PasswordFile, kafkaPassword); err != nil {
			return cfg, err
		}
		if cfg.Credentials.Password == "" {
			return cfg, fmt.Errorf("no password for Kafka user %s: name its file by --kafka-password-file, or set %s", k.User, kafkaPassword)
		}
	}
	if k.TLS {
		files := bus.TLSFiles{CA: k.CAFile, Cert: k.CertFile, Key: k.KeyFile, ServerName: k.ServerName}
		if cfg.TLS, err = files.Load(); err != nil {
			return cfg, fmt.Errorf("kafka TLS: %w", err)
		}
	}
	return cfg, nil
}

// check reports what cannot work, without a look at the files.
func (k kafka) check() error {
	err := k.plain().Validate()
	if !k.TLS && (k.CAFile != "" || k.CertFile != "" || k.KeyFile != "" || k.ServerName != "") {
		err = errors.Join(err, errors.New("certificates for Kafka are named, but TLS is not asked for: add --kafka-tls"))
	}
	if (k.CertFile == "") != (k.KeyFile == "") {
		err = errors.Join(err, errors.New("--kafka-cert-file and --kafka-key-file go together"))
	}
	return err
}

// warnings are what works and should not be left so.
func (k kafka) warnings() []string {
	if k.SASL == bus.MechanismPlain && !k.TLS {
		return []string{"the Kafka password crosses the network in clear: add --kafka-tls, or use a SCRAM mechanism"}
	}
	return nil
}

// topics is what our topics have to be like.
type topics struct {
	CreateTopics bool          `help:"Create topics that are missing." default:"true" negatable:""`
	Partitions   int           `help:"Partitions of topics spans and events, when they are created." default:"12"`
	Replication  int           `help:"Replicas of topics, when they are created; -1 is the brokers' default." default:"-1" because:"3 where acknowledged spans must outlive a disk"`
	MinInsync    int           `help:"Replicas that an acknowledged span is on at least, when topics are created; 0 is the brokers' default." default:"0" because:"2 with three replicas"`
	LogRetention time.Duration `help:"How long topics spans and events keep records, when they are created: longer than the longest outage." default:"72h" because:"what is not written by then is lost"`
}

func (t topics) check() error {
	var errs []error
	if t.Partitions < 1 || t.Partitions > 1024 {
		errs = append(errs, fmt.Errorf("partitions is %d, must be 1 to 1024", t.Partitions))
	}
	if t.Replication < 1 && t.Replication != -1 {
		errs = append(errs, fmt.Errorf("replication is %d, must be 1 or more, or -1 for the brokers' default", t.Replication))
	}
	if t.MinInsync < 0 || t.Replication > 0 && t.MinInsync > t.Replication {
		errs = append(errs, fmt.Errorf("min insync is %d of %d replicas: nothing could ever be acknowledged", t.MinInsync, t.Replication))
	}
	if t.LogRetention < time.Hour {
		errs = append(errs, fmt.Errorf("log retention is %s, must be an hour at least: what is not written to ClickHouse by then is lost", t.LogRetention))
	}
	return errors.Join(errs...)
}

func (t topics) list() []bus.Topic {
	return []bus.Topic{
		{
			Name: schema.TopicSpans, Partitions: t.Partitions, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: t.LogRetention, RetentionBytes: -1,
		},
		{
			Name: schema.TopicEvents, AsManyAs: schema.TopicSpans, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: t.LogRetention, RetentionBytes: -1,
		},
		{
			Name: schema.TopicRollups, AsManyAs: schema.TopicSpans, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: t.LogRetention, RetentionBytes: -1,
		},
		{
			Name: schema.TopicExperiments, Partitions: 1, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: -1, RetentionBytes: -1, Compacted: true,
		},
		{
			Name: schema.TopicAlerts, Partitions: 1, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: -1, RetentionBytes: -1, Compacted: true,
		},
		{
			Name: schema.TopicDeadLetters, Partitions: 1, Replication: t.Replication, MinInsync: t.MinInsync,
			Retention: deadLetterRetention, RetentionBytes: -1,
		},
	}
}
