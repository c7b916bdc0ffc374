package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is what a topic has to be like.
type Topic struct {
	Name       string
	Partitions int
	// AsManyAs names a topic, created before, whose number of partitions counts
	// instead; "": none.
	AsManyAs string
	// Replication of -1 is the broker's default.
	Replication int
	// MinInsync is how many replicas an acknowledged record is on at least, when
	// the topic is created; 0 is the broker's default.
	MinInsync int
	// Retention bounds age and RetentionBytes a partition's size; -1: no bound.
	Retention      time.Duration
	RetentionBytes int64
	// Compacted topics keep the newest record of each key, for ever. All others
	// keep what they have: an offset range must be readable again exactly as it
	// was (W7).
	Compacted bool
}

// policy is what brokers call what becomes of old records.
func (t Topic) policy() string {
	if t.Compacted {
		return "compact"
	}
	return "delete"
}

// settings of the topic, as brokers call them.
func (t Topic) settings() map[string]string {
	ms := int64(-1)
	if t.Retention >= 0 {
		ms = t.Retention.Milliseconds()
	}
	return map[string]string{
		"cleanup.policy":    t.policy(),
		"max.message.bytes": strconv.Itoa(MaxMessageBytes),
		"retention.ms":      strconv.FormatInt(ms, 10),
		"retention.bytes":   strconv.FormatInt(t.RetentionBytes, 10),
	}
}

// EnsureTopics creates the topics that are missing. An existing topic is left
// as it is: each difference from what was asked for is returned as a warning,
// since changing another team's topic is not ours to do.
func EnsureTopics(ctx context.Context, cfg Config, topics []Topic, log *slog.Logger) (warnings []string, err error) {
	return eachTopic(ctx, cfg, topics, log, ensureTopic)
}

// CheckTopics compares the topics with what was asked for, as EnsureTopics
// does, and creates none: one that is missing is ErrNoTopic.
func CheckTopics(ctx context.Context, cfg Config, topics []Topic, log *slog.Logger) (warnings []string, err error) {
	return eachTopic(ctx, cfg, topics, log, differences)
}

func eachTopic(ctx context.Context, cfg Config, topics []Topic, log *slog.Logger,
	do func(context.Context, *kadm.Client, Topic) ([]string, error),
) (warnings []string, err error) {
	cl, err := kgo.NewClient(options(cfg, log)...)
	if err != nil {
		return nil, fmt.Errorf("reach kafka: %w", err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for _, t := range topics {
		if t.AsManyAs != "" {
			if t.Partitions, err = partitionsOf(ctx, adm, t.AsManyAs); err != nil {
				return warnings, fmt.Errorf("partitions of topic %s: %w", t.AsManyAs, err)
			}
		}
		w, err := do(ctx, adm, t)
		if err != nil {
			return warnings, fmt.Errorf("topic %s: %w", t.Name, err)
		}
		warnings = append(warnings, w...)
	}
	return warnings, nil
}

func partitionsOf(ctx context.Context, adm *kadm.Client, topic string) (int, error) {
	details, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return 0, err
	}
	if err := details[topic].Err; errors.Is(err, kerr.UnknownTopicOrPartition) {
		return 0, ErrNoTopic
	} else if err != nil {
		return 0, err
	}
	return len(details[topic].Partitions), nil
}

func ensureTopic(ctx context.Context, adm *kadm.Client, t Topic) ([]string, error) {
	configs := make(map[string]*string)
	for k, v := range t.settings() {
		configs[k] = &v
	}
	if t.MinInsync > 0 {
		configs["min.insync.replicas"] = new(strconv.Itoa(t.MinInsync))
	}
	_, err := adm.CreateTopic(ctx, int32(t.Partitions), int16(t.Replication), configs, t.Name)
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return nil, err
	}
	return differences(ctx, adm, t)
}

// differences compares an existing topic with what was asked for.
func differences(ctx context.Context, adm *kadm.Client, t Topic) ([]string, error) {
	details, err := adm.ListTopics(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	if err := details[t.Name].Err; errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, ErrNoTopic
	} else if err != nil {
		return nil, err
	}
	var out []string
	switch n := len(details[t.Name].Partitions); {
	case n == t.Partitions:
	case t.AsManyAs != "":
		out = append(out, fmt.Sprintf("topic %s has %d partitions and topic %s %d: give both the same number, or the events of a trace are in another partition than its spans",
			t.Name, n, t.AsManyAs, t.Partitions))
	default:
		out = append(out, fmt.Sprintf("topic %s has %d partitions, configured are %d; the topic's number counts", t.Name, n, t.Partitions))
	}
	described, err := adm.DescribeTopicConfigs(ctx, t.Name)
	if err != nil {
		return nil, err
	}
	rc, err := described.On(t.Name, nil)
	if err != nil {
		return nil, err
	}
	want := t.settings()
	for _, c := range rc.Configs {
		if w, ok := want[c.Key]; ok && c.Value != nil && *c.Value != w {
			out = append(out, fmt.Sprintf("topic %s has %s = %s, configured is %s", t.Name, c.Key, *c.Value, w))
		}
	}
	return out, nil
}
