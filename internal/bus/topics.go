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
	// Replication of -1 is the broker's default.
	Replication int
	// MinInsync is how many replicas an acknowledged record is on at least, when
	// the topic is created; 0 is the broker's default.
	MinInsync int
	// Retention bounds age and RetentionBytes a partition's size; -1: no bound.
	Retention      time.Duration
	RetentionBytes int64
}

// settings of the topic, as brokers call them. Nothing is compacted: an offset
// range must be readable again exactly as it was (W7).
func (t Topic) settings() map[string]string {
	ms := int64(-1)
	if t.Retention >= 0 {
		ms = t.Retention.Milliseconds()
	}
	return map[string]string{
		"cleanup.policy":    "delete",
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
		w, err := do(ctx, adm, t)
		if err != nil {
			return warnings, fmt.Errorf("topic %s: %w", t.Name, err)
		}
		warnings = append(warnings, w...)
	}
	return warnings, nil
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
	if n := len(details[t.Name].Partitions); n != t.Partitions {
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
