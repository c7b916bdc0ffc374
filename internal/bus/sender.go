package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// Sender sends a list of records exactly once, however often that is interrupted
// and begun anew: each transaction also commits, for a group of the list's own,
// how far in the list it comes. There is no member in that group; whoever opens
// the list fences those who had it open before.
type Sender struct {
	txn   *transactions
	group string
	topic string
	sent  int64
}

// OpenSender takes a list over. The group names it, for ever; the topic is the one
// that records go to, and must be there.
func OpenSender(ctx context.Context, cfg Config, group, topic string, log *slog.Logger) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	txn, err := takeTransactions(ctx, cfg, group, log)
	if err != nil {
		return nil, err
	}
	s := &Sender{txn: txn, group: group, topic: topic}
	if err := s.readBack(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// readBack asks how far the list was sent: by now nobody else can change it.
func (s *Sender) readBack(ctx context.Context) error {
	offsets, err := kadm.NewClient(s.txn.cl).FetchOffsetsForTopics(kadm.RequireStable(ctx), s.group, s.topic)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil // nothing was ever committed
	}
	if err != nil {
		return fmt.Errorf("progress of %s: %w", s.group, err)
	}
	o, ok := offsets.Lookup(s.topic, 0)
	switch {
	case !ok || o.Err == nil && o.At < 0:
		return nil
	case o.Err != nil:
		return fmt.Errorf("progress of %s: %w", s.group, o.Err)
	}
	if s.sent, err = strconv.ParseInt(o.Metadata, 10, 64); err != nil {
		return fmt.Errorf("progress of %s is not ours: %w", s.group, err)
	}
	return nil
}

// Sent is how far the list was sent, 0 at first.
func (s *Sender) Sent() int64 { return s.sent }

// Send sends the next records, with which the list is sent up to sent: all of
// them, or nothing. After an error the list has to be opened again, which tells
// what has become of them.
func (s *Sender) Send(ctx context.Context, records []pipeline.Record, sent int64) error {
	ctx, cancel := context.WithTimeout(ctx, TransactionTimeout)
	defer cancel()
	if err := s.txn.cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	err := s.txn.produce(ctx, records)
	if err == nil {
		err = s.commit(ctx, sent)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("transaction of %s: %w", s.group, err), s.txn.cl.EndTransaction(ctx, kgo.TryAbort))
	}
	if err := s.txn.cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("end transaction of %s: %w", s.group, err)
	}
	s.sent = sent
	return nil
}

// commit makes the progress part of the transaction. It is no offset, so that
// nothing that goes by offsets is led astray: it stands beside one.
func (s *Sender) commit(ctx context.Context, sent int64) error {
	text := strconv.FormatInt(sent, 10)
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Metadata = &text
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = s.topic, append(topic.Partitions, p)
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation, r.Topics = s.group, -1, append(r.Topics, topic)
	node, err := coordinatorOf(ctx, s.txn.cl, s.group)
	if err != nil {
		return err
	}
	return s.txn.commitOffset(ctx, node, r)
}

// Close gives the connections up.
func (s *Sender) Close() { s.txn.close() }
