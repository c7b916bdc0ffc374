package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/internal/testkit"
)

// Broker is one node of Apache Kafka.
type Broker struct {
	*Process

	Addr    string
	Version string

	client *kgo.Client
	admin  *kadm.Client
}

// jvm is what Kafka's own kafka-server-start.sh and kafka-run-class.sh say.
var jvm = []string{
	"-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
	"-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
}

// StartBroker runs a broker with all its files in dir and returns when it
// serves. root is the folder of the module.
func StartBroker(ctx context.Context, root, dir string) (*Broker, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(root, "scripts", "kafka.sh")).Output()
	if err != nil {
		return nil, fmt.Errorf("kafka.sh: %w\n%s", err, stderr(err))
	}
	classpath := strings.TrimSpace(string(out))
	b := &Broker{Version: kafkaVersion(classpath)}
	if b.Addr, err = testkit.DrawAddr(ctx); err != nil {
		return nil, err
	}
	controller, err := testkit.DrawAddr(ctx)
	if err != nil {
		return nil, err
	}
	properties := filepath.Join(dir, "server.properties")
	text := strings.NewReplacer("ADDR", b.Addr, "QUORUM", controller, "DIR", dir).Replace(serverProperties)
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		return nil, err
	}
	classes := []string{"-Dlog4j2.configurationFile=" + filepath.Join(root, "tests", "kafka", "log4j2.properties"), "-cp", classpath}
	format := slices.Concat(classes, []string{"kafka.tools.StorageTool", "format", "--config", properties, "--cluster-id", clusterID})
	if out, err := exec.CommandContext(ctx, "java", format...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format the broker's data directory: %w\n%s", err, out)
	}
	if err := b.serve(ctx, slices.Concat(jvm, classes, []string{"kafka.Kafka", properties}), dir); err != nil {
		return nil, err
	}
	return b, nil
}

// serve starts the JVM and returns when the broker serves.
func (b *Broker) serve(ctx context.Context, args []string, dir string) (err error) {
	if b.client, err = kgo.NewClient(kgo.SeedBrokers(b.Addr)); err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
	b.Process, err = launch(Command{Path: "java", Args: args}, dir)
	if err == nil {
		err = b.await(ctx, func(context.Context) error {
			if !strings.Contains(b.said(), "Kafka Server started") {
				return errors.New("it does not serve")
			}
			return nil
		})
	}
	if err != nil {
		b.Stop()
	}
	return err
}

// clusterID is any 16 bytes.
const clusterID = "c3Bhbm1pbGwtYmVuY2gtMQ"

// Stop ends the broker.
func (b *Broker) Stop() {
	b.client.Close()
	if b.Process != nil {
		b.Process.Stop()
	}
}

// CreateTopic makes a topic as our own processes make theirs.
func (b *Broker) CreateTopic(ctx context.Context, topic string, partitions int) error {
	size := "20971520"
	if _, err := b.admin.CreateTopic(ctx, int32(partitions), 1, map[string]*string{"max.message.bytes": &size}, topic); err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// DeleteTopic removes a topic and returns when it is gone.
func (b *Broker) DeleteTopic(ctx context.Context, topic string) error {
	if _, err := b.admin.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("delete topic %s: %w", topic, err)
	}
	return Poll(ctx, askEvery, func(ctx context.Context) (bool, error) {
		topics, err := b.admin.ListTopics(ctx)
		return !topics.Has(topic), err
	})
}

var kafkaJar = regexp.MustCompile(`kafka_[\d.]+-([\d.]+)\.jar`)

func kafkaVersion(classpath string) string {
	m := kafkaJar.FindStringSubmatch(classpath)
	if m == nil {
		return "unknown"
	}
	return m[1]
}

func stderr(err error) []byte {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return bytes.TrimSpace(exit.Stderr)
	}
	return nil
}

// serverProperties: one node; what is not here is Kafka's default.
const serverProperties = `process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://ADDR,CONTROLLER://QUORUM
advertised.listeners=PLAINTEXT://ADDR
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.voters=1@QUORUM
log.dirs=DIR/data
# one node: internal topics with one replica and few partitions
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# a round's topic is gone from the disk before the next one fills it
log.segment.delete.delay.ms=1000
`
