package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Inspect looks at a cluster that somebody else runs. Its warnings say what may
// be lost with the topics as they are; its errors (ErrUnfit) what cannot be
// gone on with.
func Inspect(ctx context.Context, cfg Config, topics []Topic, log *slog.Logger) (warnings []string, err error) {
	cl, err := kgo.NewClient(options(cfg, log)...)
	if err != nil {
		return nil, fmt.Errorf("reach kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	if cfg.GroupProtocol == ProtocolConsumer {
		if warnings, err = inspectProtocol(ctx, cl); err != nil {
			return nil, err
		}
	}
	details, err := adm.ListTopics(ctx, namesOf(topics)...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, topic := range topics {
		found, err := inspectTopic(ctx, adm, topic, details[topic.Name])
		if err != nil {
			return warnings, err
		}
		warnings = append(warnings, found...)
	}
	return warnings, nil
}

func namesOf(topics []Topic) []string {
	names := make([]string, len(topics))
	for i := range topics {
		names[i] = topics[i].Name
	}
	return names
}

// inspectTopic reads what decides whether acknowledged records stay.
func inspectTopic(ctx context.Context, adm *kadm.Client, want Topic, t kadm.TopicDetail) ([]string, error) {
	if t.Err != nil {
		return nil, fmt.Errorf("topic %s: %w", t.Topic, t.Err)
	}
	described, err := adm.DescribeTopicConfigs(ctx, t.Topic)
	if err != nil {
		return nil, fmt.Errorf("settings of topic %s: %w", t.Topic, err)
	}
	rc, err := described.On(t.Topic, nil)
	if err = errors.Join(err, rc.Err); err != nil {
		return nil, fmt.Errorf("settings of topic %s: %w", t.Topic, err)
	}
	settings := make(map[string]string)
	for _, c := range rc.Configs {
		settings[c.Key] = c.MaybeValue()
	}
	return judgeTopic(want, replication(t), settings)
}

// replication is that of the partition with the fewest replicas.
func replication(t kadm.TopicDetail) int {
	var counts []int
	for _, p := range t.Partitions {
		counts = append(counts, len(p.Replicas))
	}
	if len(counts) == 0 {
		return 0
	}
	return slices.Min(counts)
}

// judgeTopic says what a topic's settings put at risk.
func judgeTopic(t Topic, replicas int, settings map[string]string) (warnings []string, err error) {
	topic := t.Name
	switch policy := settings["cleanup.policy"]; {
	case policy == "" || policy == t.policy():
	case t.Compacted:
		return nil, fmt.Errorf("%w: topic %s has cleanup.policy=%s, which forgets what is old; each key's newest record must stay."+
			" Set it: kafka-configs --alter --topic %s --add-config cleanup.policy=compact", ErrUnfit, topic, policy, topic)
	default:
		return nil, fmt.Errorf("%w: topic %s has cleanup.policy=%s, which takes records out of the middle of the log;"+
			" a batch could not be read again as it was. Set it: kafka-configs --alter --topic %s --add-config cleanup.policy=delete",
			ErrUnfit, topic, policy, topic)
	}
	insync, _ := strconv.Atoi(settings["min.insync.replicas"])
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	switch {
	case replicas < 2:
		warn("topic %s has one replica: spans that were acknowledged are lost with that broker's disk; use replication 3", topic)
	case insync >= replicas:
		warn("topic %s has %d replicas and min.insync.replicas=%d: while any broker is down nothing is taken in; use replication 3 and min.insync.replicas=2",
			topic, replicas, insync)
	case insync < 2:
		warn("topic %s has min.insync.replicas=%d: a span may be acknowledged by one broker alone and is lost with its disk; set it to 2", topic, insync)
	case replicas < 3:
		warn("topic %s has %d replicas: losing one leaves no spare; use replication 3", topic, replicas)
	}
	if settings["unclean.leader.election.enable"] == "true" {
		warn("topic %s allows unclean leader election: a broker that lags may take over and acknowledged spans are lost, or offsets used twice;"+
			" set unclean.leader.election.enable=false", topic)
	}
	if n, err := strconv.Atoi(settings["max.message.bytes"]); err == nil && n < MaxMessageBytes {
		warn("topic %s has max.message.bytes=%d: requests with a larger span are refused; set it to %d", topic, n, MaxMessageBytes)
	}
	return warnings, nil
}

// inspectProtocol checks that the brokers speak KIP-848 as well as we need it.
// Without this the library would quietly use the classic protocol.
func inspectProtocol(ctx context.Context, cl *kgo.Client) ([]string, error) {
	resp, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		return nil, fmt.Errorf("ask kafka for its version: %w", err)
	}
	versions := kversion.FromApiVersionsResponse(resp)
	heartbeat, known := versions.LookupMaxKeyVersion(kmsg.ConsumerGroupHeartbeat.Int16())
	if !known || heartbeat < 1 {
		return nil, fmt.Errorf("%w: these brokers do not speak the consumer group protocol (KIP-848, Kafka 4.0 and newer): use the classic one", ErrUnfit)
	}
	// The one request that 4.3 changed tells it from 4.2.
	mark := kmsg.DescribeLogDirs.Int16()
	want, _ := kversion.V4_3_0().LookupMaxKeyVersion(mark)
	if have, _ := versions.LookupMaxKeyVersion(mark); have < want {
		return []string{"the consumer group protocol is meant for brokers from Kafka 4.3; these look older" +
			" and may refuse commits of members that did nothing wrong: upgrade them, or use the classic protocol"}, nil
	}
	return nil, nil
}
