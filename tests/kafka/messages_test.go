package kafka_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// wrong is a setting that cannot work, and what a person is told to do.
type wrong struct {
	name string
	env  []string
	want string
}

// testMessages: a process that cannot get in, or finds what it cannot work with,
// lives on and says on /ready and in its log what to do about it.
func testMessages(t *testing.T, site *kafka.Site) {
	p := site.Plant(t, bus.ProtocolClassic)
	t.Run("topics", func(t *testing.T) { testTopicMessages(t, p) })
	atKafka := []wrong{
		{"password", []string{"SPANMILL_KAFKA_PASSWORD_FILE=" + wrongPassword(t)}, "check --kafka-user, the password file or SPANMILL_KAFKA_PASSWORD"},
		{"unknown host", []string{"SPANMILL_BROKERS=no-such-host.invalid:9092"}, "no such host as no-such-host.invalid: check --brokers"},
		{"nobody there", []string{"SPANMILL_BROKERS=" + testkit.FreeAddr(t)}, "is Kafka running, and is --brokers right?"},
		{"port without TLS", []string{"SPANMILL_BROKERS=" + p.Broker.Plain}, "leave out --kafka-tls"},
		{"another authority", []string{"SPANMILL_KAFKA_CA_FILE=" + p.Broker.ClientCert}, "name its CA by --kafka-ca-file"},
		{"certificate wanted", []string{"SPANMILL_BROKERS=" + p.Broker.MTLS}, "--kafka-cert-file"},
	}
	atClickHouse := []wrong{
		{"ClickHouse password", []string{"SPANMILL_CLICKHOUSE_PASSWORD_FILE=" + wrongPassword(t)}, "check --clickhouse-user, the password file or SPANMILL_CLICKHOUSE_PASSWORD"},
		{"ClickHouse user", []string{"SPANMILL_CLICKHOUSE_USER=nobody"}, "check --clickhouse-user"},
		{"unknown ClickHouse host", []string{"SPANMILL_CLICKHOUSE=http://no-such-host.invalid:8123"}, "no such host as no-such-host.invalid: check --clickhouse"},
		{"no ClickHouse there", []string{"SPANMILL_CLICKHOUSE=http://" + testkit.FreeAddr(t)}, "is ClickHouse running, and is --clickhouse its HTTP port"},
		{"ClickHouse without TLS", []string{"SPANMILL_CLICKHOUSE=https://" + p.ClickHouse.At.HTTPAddr}, "write http:// in --clickhouse"},
	}
	for _, w := range atKafka {
		t.Run("gateway/"+w.name, func(t *testing.T) { p.Gateway(t, w.options()).AwaitWaiting(t, w.want) })
	}
	for _, w := range append(atKafka, atClickHouse...) {
		t.Run("writer/"+w.name, func(t *testing.T) { p.Writer(t, w.options()).AwaitWaiting(t, w.want) })
	}
}

func (w wrong) options() harness.Options { return harness.Options{Env: w.env} }

func wrongPassword(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("guess\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// testTopicMessages: topics that are not there, that cannot be made, that are
// unfit, and that are merely risky. Who waits for another topic goes on when it
// has come.
func testTopicMessages(t *testing.T, p *kafka.Plant) {
	each := func(name, want string, env ...string) {
		t.Helper()
		w := wrong{env: env}
		for _, process := range []*harness.Process{p.Gateway(t, w.options()), p.Writer(t, w.options())} {
			process.AwaitWaiting(t, want)
			process.Kill()
		}
		t.Log(name + ": told")
	}
	each("missing", "create the topic, or let us do it with --create-topics", "SPANMILL_CREATE_TOPICS=false")
	each("three replicas of one broker", "choose a smaller --replication", "SPANMILL_REPLICATION=3")
	adm, done := admin(t, p.Broker)
	defer done()
	create := func(settings map[string]string) {
		t.Helper()
		configs := make(map[string]*string)
		for k, v := range settings {
			configs[k] = &v
		}
		if _, err := adm.CreateTopic(t.Context(), 4, 1, configs, schema.TopicSpans); err != nil {
			t.Fatal(err)
		}
	}
	create(map[string]string{"cleanup.policy": "compact"})
	unfit := "kafka-configs --alter --topic spans --add-config cleanup.policy=delete"
	gateway, writer := p.Gateway(t, harness.Options{}), p.Writer(t, harness.Options{})
	gateway.AwaitWaiting(t, unfit)
	writer.AwaitWaiting(t, unfit)
	mend := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: new("delete")}}
	answers, err := adm.AlterTopicConfigs(t.Context(), mend, schema.TopicSpans)
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
	for _, process := range []*harness.Process{gateway, writer} {
		process.AwaitReady(t)
		for _, risk := range []string{"has one replica", "max.message.bytes=1048588: requests with a larger span are refused; set it to 20971520"} {
			if !strings.Contains(process.Log(), risk) {
				t.Errorf("%s does not warn of %q", process.Name, risk)
			}
		}
		process.Terminate(t)
	}
}

// admin is a client without any of our code.
func admin(t *testing.T, b *kafka.Broker) (adm *kadm.Client, done func()) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Plain))
	if err != nil {
		t.Fatal(err)
	}
	return kadm.NewClient(cl), cl.Close
}
