package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// Site is a Kafka and a ClickHouse. One plant at a time lives there.
type Site struct {
	Broker     *Broker
	ClickHouse *ClickHouse
}

// NewSite settles a site; nothing of it runs. It skips the test where there is
// no Java or Maven.
func NewSite(t testing.TB) *Site {
	t.Helper()
	return &Site{Broker: New(t), ClickHouse: NewClickHouse(t)}
}

// Start runs both until the test ends.
func (s *Site) Start(t testing.TB) {
	t.Helper()
	s.Broker.Start(t)
	s.ClickHouse.Start(t)
}

// Plant is an ingest-gateway, writers and aggregators on a site, which they enter
// by SASL over TLS.
type Plant struct {
	*Site
	// Protocol is the writers' group protocol, Group their group. Aggregators is
	// the aggregators' group, whose protocol is the classic one.
	Protocol, Group, Aggregators string
	// OTLPHTTP and OTLPGRPC are where the doors of each life are.
	OTLPHTTP, OTLPGRPC string

	// members of groups by client id, the dead ones too.
	members map[string]*harness.Process
}

// Plant makes a plant on a site. Topics and tables are its own until the test
// ends, and then removed.
func (s *Site) Plant(t testing.TB, protocol string) *Plant {
	t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
	p := &Plant{
		Site: s, Protocol: protocol, Group: "writers-" + name, Aggregators: "aggregators-" + name,
		OTLPHTTP: testkit.FreeAddr(t), OTLPGRPC: testkit.FreeAddr(t),
		members: make(map[string]*harness.Process),
	}
	t.Cleanup(func() { p.clear(t) })
	return p
}

// env is what both programs are told, each flag as its variable, so that
// options of a start can say otherwise.
func (p *Plant) env(mechanism string, more ...string) []string {
	return append([]string{
		"SPANMILL_BROKERS=" + p.Broker.SASL, "SPANMILL_PARTITIONS=4",
		"SPANMILL_KAFKA_TLS=true", "SPANMILL_KAFKA_CA_FILE=" + p.Broker.CAFile,
		"SPANMILL_KAFKA_SASL=" + mechanism, "SPANMILL_KAFKA_USER=" + User,
	}, more...)
}

// Gateway starts an ingest-gateway and returns at once. It logs in by PLAIN,
// with the password from a file.
func (p *Plant) Gateway(t testing.TB, o harness.Options) *harness.Process {
	t.Helper()
	return p.launch(t, harness.Command{
		Program: "ingest-gateway", Tags: o.Tags, Env: p.env("plain",
			"SPANMILL_KAFKA_PASSWORD_FILE="+p.Broker.PasswordFile,
			"SPANMILL_OTLP_HTTP="+p.OTLPHTTP, "SPANMILL_OTLP_GRPC="+p.OTLPGRPC),
	}, o)
}

// Writer starts another writer and returns at once. It logs in by SCRAM, with
// the password from the environment.
func (p *Plant) Writer(t testing.TB, o harness.Options) *harness.Process {
	t.Helper()
	name := fmt.Sprintf("writer-%d", len(p.members)+1)
	w := p.launch(t, harness.Command{
		Program: "writer", Tags: o.Tags, Env: p.env("scram-sha-512",
			"SPANMILL_KAFKA_PASSWORD="+Password, "SPANMILL_KAFKA_CLIENT_ID="+name, "SPANMILL_KAFKA_RACK=rack-1",
			"SPANMILL_GROUP="+p.Group, "SPANMILL_GROUP_PROTOCOL="+p.Protocol,
			"SPANMILL_CLICKHOUSE="+p.ClickHouse.URL(), "SPANMILL_CLICKHOUSE_USER="+p.ClickHouse.At.User,
			"SPANMILL_CLICKHOUSE_PASSWORD_FILE="+p.ClickHouse.PasswordFile),
	}, o)
	p.members[name] = w
	return w
}

// Aggregator starts another aggregator, whose API is at an address, and returns at
// once. It logs in by SCRAM, with the password from the environment.
func (p *Plant) Aggregator(t testing.TB, api string, o harness.Options) *harness.Process {
	t.Helper()
	name := fmt.Sprintf("aggregator-%d", len(p.members)+1)
	a := p.launch(t, harness.Command{
		Program: "aggregator", Tags: o.Tags, Env: p.env("scram-sha-512",
			"SPANMILL_KAFKA_PASSWORD="+Password, "SPANMILL_KAFKA_CLIENT_ID="+name,
			"SPANMILL_GROUP="+p.Aggregators, "SPANMILL_API_HTTP="+api),
	}, o)
	p.members[name] = a
	return a
}

// Query starts a `spanmill query` and returns at once.
func (p *Plant) Query(t testing.TB, o harness.Options) *harness.Process {
	t.Helper()
	return p.launch(t, harness.Command{Program: "spanmill", Tags: o.Tags, Args: append([]string{"query"}, p.Target()...)}, o)
}

// launch adds the admin listener, and what the options say, which wins.
func (p *Plant) launch(t testing.TB, c harness.Command, o harness.Options) *harness.Process {
	t.Helper()
	admin := testkit.FreeAddr(t)
	c.Env = append(append(c.Env, "SPANMILL_ADMIN="+admin), o.Env...)
	started := harness.Launch(t, c)
	started.Admin = admin
	return started
}

// Launch implements harness.Plant: a gateway and a writer.
func (p *Plant) Launch(t testing.TB, o harness.Options) *harness.Instance {
	t.Helper()
	p.Bury(t)
	in := &harness.Instance{
		Processes: []*harness.Process{p.Gateway(t, o), p.Writer(t, o)},
		Addresses: *p.Addresses(), Target: p.Target(), KillEngine: p.ClickHouse.Kill,
	}
	in.Admin = in.Door().Admin
	in.Await = func(t testing.TB, timeout time.Duration) {
		testkit.Eventually(t, timeout, func() (err error) {
			if in.Door().Ended() {
				t.Fatal("the gateway has ended")
			}
			in.OTLPHTTP, in.OTLPGRPC, err = doors(in.Door())
			return err
		})
		for _, started := range in.Processes {
			started.AwaitReady(t)
		}
	}
	return in
}

// Target are the arguments by which the commands of spanmill find the tables.
func (s *Site) Target() []string {
	return []string{
		"--clickhouse", s.ClickHouse.URL(), "--clickhouse-user", s.ClickHouse.At.User,
		"--clickhouse-password-file", s.ClickHouse.PasswordFile,
	}
}

// Addresses are those of what outlives a plant.
func (s *Site) Addresses() *harness.Addresses {
	return &harness.Addresses{
		Kafka: s.Broker.Plain, ClickHouseHTTP: s.ClickHouse.At.HTTPAddr, ClickHouseNative: s.ClickHouse.At.TCPAddr,
		ClickHouseUser: s.ClickHouse.At.User, ClickHousePassword: s.ClickHouse.At.Password,
	}
}

// doors reads from a gateway's log where it listens.
func doors(gateway *harness.Process) (http, grpc string, err error) {
	for line := range strings.Lines(gateway.Log()) {
		var said struct {
			Msg      string `json:"msg"`
			OTLPHTTP string `json:"otlp_http"`
			OTLPGRPC string `json:"otlp_grpc"`
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "the doors are open" {
			return said.OTLPHTTP, said.OTLPGRPC, nil
		}
	}
	return "", "", errors.New("the gateway's doors are not open")
}
