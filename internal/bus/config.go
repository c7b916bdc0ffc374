package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

const (
	mib = 1 << 20

	// MaxMessageBytes is max.message.bytes of the topics that carry content: a
	// 16 MiB span is stored whole, with room for its resource and framing.
	MaxMessageBytes = 20 * mib
)

// Names of Config.GroupProtocol.
const (
	// ProtocolClassic has the members divide partitions among themselves, by
	// the cooperative-sticky strategy. Every broker knows it.
	ProtocolClassic = "classic"
	// ProtocolConsumer has the coordinator divide them (KIP-848). Brokers before
	// 4.3 refuse commits of members that did nothing wrong.
	ProtocolConsumer = "consumer"
)

// Config says how to reach Kafka, for producers and consumers alike.
type Config struct {
	Brokers  []string `help:"Kafka brokers to start from, host:port." default:"127.0.0.1:9092"`
	ClientID string   `help:"Name shown in the broker's logs and metrics." default:"spanmill"`
	// Rack is where this process runs, as the brokers name racks (broker.rack):
	// partitions are then read from the nearest replica.
	Rack string `help:"Rack or zone of this process, to read from the nearest replica."`
	// Credentials and TLS are how to get in where not everybody may; they are
	// put together from files and the environment, never from arguments.
	Credentials Credentials `kong:"-"`
	TLS         *tls.Config `kong:"-"`
	// GroupProtocol is how members of a group divide partitions: ProtocolClassic
	// or ProtocolConsumer.
	GroupProtocol string `help:"Group protocol: classic, or consumer (KIP-848, brokers from 4.3)." default:"classic"`
	// Codec compresses what is produced. snappy is written by the S2 encoder.
	Codec string `help:"Compression of produced batches: snappy, lz4, zstd, gzip or none." default:"snappy"`
	// MaxInFlightBytes bounds what is accepted and not yet acknowledged. Beyond
	// it Produce refuses at once.
	MaxInFlightBytes int64 `help:"Bytes produced and not yet acknowledged before requests are refused." default:"67108864"`
	// ProduceTimeout is how long Produce waits for acknowledgements.
	ProduceTimeout time.Duration `help:"How long to wait for the brokers' acknowledgement." default:"20s"`
	// Linger trades latency of a lonely record for fewer, fuller requests.
	Linger time.Duration `help:"How long a batch waits for more records." default:"2ms"`
	// RequestTimeout bounds any other single request.
	RequestTimeout time.Duration `help:"How long a single request to a broker may take." default:"10s"`
	// Dial replaces the network, as in tests that run in virtual time. nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error) `kong:"-"`
}

// Default is what the tags say.
func Default() Config {
	return Config{
		Brokers:          []string{"127.0.0.1:9092"},
		ClientID:         "spanmill",
		GroupProtocol:    ProtocolClassic,
		Codec:            "snappy",
		MaxInFlightBytes: 64 * mib,
		ProduceTimeout:   20 * time.Second,
		Linger:           2 * time.Millisecond,
		RequestTimeout:   10 * time.Second,
	}
}

// Validate reports every value that cannot work.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 || slices.Contains(c.Brokers, "") {
		errs = append(errs, errors.New("brokers: give at least one host:port"))
	}
	if _, err := codec(c.Codec); err != nil {
		errs = append(errs, err)
	}
	if err := c.Credentials.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.TLS != nil && c.Dial != nil {
		errs = append(errs, errors.New("a network of one's own brings its own TLS"))
	}
	if c.GroupProtocol != ProtocolClassic && c.GroupProtocol != ProtocolConsumer {
		errs = append(errs, fmt.Errorf("group protocol %q is unknown: use %s or %s", c.GroupProtocol, ProtocolClassic, ProtocolConsumer))
	}
	if c.MaxInFlightBytes < MaxMessageBytes {
		errs = append(errs, fmt.Errorf("max in-flight bytes is %d, must hold one record of %d", c.MaxInFlightBytes, MaxMessageBytes))
	}
	errs = append(errs,
		atLeast("produce timeout", c.ProduceTimeout, time.Second),
		atLeast("linger", c.Linger, 0),
		atLeast("request timeout", c.RequestTimeout, time.Second))
	return errors.Join(errs...)
}

// ConsumerConfig is a membership in a consumer group.
type ConsumerConfig struct {
	Group  string   `help:"Consumer group." default:"spanmill-writer"`
	Topics []string `help:"Topics to consume." default:"spans"`
	// SessionTimeout must stay below the insert deadline of the writer, so that
	// a successor never waits for a dead owner longer than its blocks may land.
	SessionTimeout    time.Duration `help:"How long the group waits for a silent member." default:"15s"`
	HeartbeatInterval time.Duration `help:"How often a member says that it lives." default:"3s"`
	RebalanceTimeout  time.Duration `help:"How long a rebalance waits for a member." default:"60s"`
	// CommitTimeout is after how long an unanswered commit counts as unknown.
	CommitTimeout time.Duration `help:"How long a commit may take." default:"5s"`
	// DrainTimeout is what handlers get to finish in on shutdown.
	DrainTimeout time.Duration `help:"How long to finish batches in hand on shutdown." default:"20s"`
	// FetchBytes bounds one fetch of one partition, as compressed on the wire;
	// two are in memory. A single larger batch is fetched all the same.
	FetchBytes int `help:"Bytes fetched at once from a partition." default:"1048576"`
	// FetchPause is for who can wait: brokers answer a fetch at once when there is
	// anything, and a reader that keeps up fetches what a few requests brought.
	FetchPause time.Duration `help:"How long after a fetch that brought little the next one is made." default:"25ms"`
	// Reuse has records' memory used again: they are valid until the next Fetch
	// of their source, or until the visit of ReadRange returns, and no longer.
	Reuse bool `kong:"-"`
	// Transactions lets sources commit their offsets in transactions, together
	// with what was made of the records.
	Transactions bool `kong:"-"`
	// LagInterval is how often the brokers are asked for the logs' ends.
	LagInterval time.Duration `help:"How often lag is measured." default:"5s"`
}

// DefaultConsumer is what the tags say.
func DefaultConsumer() ConsumerConfig {
	return ConsumerConfig{
		Group:             "spanmill-writer",
		Topics:            []string{"spans"},
		SessionTimeout:    15 * time.Second,
		HeartbeatInterval: 3 * time.Second,
		RebalanceTimeout:  60 * time.Second,
		CommitTimeout:     5 * time.Second,
		DrainTimeout:      20 * time.Second,
		FetchBytes:        mib,
		FetchPause:        25 * time.Millisecond,
		LagInterval:       5 * time.Second,
	}
}

// Validate reports every value that cannot work.
func (c ConsumerConfig) Validate() error {
	var errs []error
	if c.Group == "" {
		errs = append(errs, errors.New("consumer group: must be named"))
	}
	if len(c.Topics) == 0 {
		errs = append(errs, errors.New("consumer topics: give at least one"))
	}
	if c.HeartbeatInterval*3 > c.SessionTimeout {
		errs = append(errs, fmt.Errorf("heartbeat interval %s must be at most a third of the session timeout %s", c.HeartbeatInterval, c.SessionTimeout))
	}
	if c.FetchBytes < 64<<10 || c.FetchBytes > 64*mib {
		errs = append(errs, fmt.Errorf("fetch bytes is %d, must be 64 KiB to 64 MiB", c.FetchBytes))
	}
	errs = append(errs,
		atLeast("heartbeat interval", c.HeartbeatInterval, 100*time.Millisecond),
		atLeast("rebalance timeout", c.RebalanceTimeout, time.Second),
		atLeast("commit timeout", c.CommitTimeout, 100*time.Millisecond),
		atLeast("drain timeout", c.DrainTimeout, 0),
		atLeast("fetch pause", c.FetchPause, 0),
		atLeast("lag interval", c.LagInterval, 100*time.Millisecond))
	return errors.Join(errs...)
}

func atLeast(what string, d, least time.Duration) error {
	if d < least {
		return fmt.Errorf("%s is %s, must be at least %s", what, d, least)
	}
	return nil
}
