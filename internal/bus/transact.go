package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// TransactionTimeout is after how long the brokers abort a transaction whose
// owner is gone (A3). An open one holds back every read_committed reader.
const TransactionTimeout = 10 * time.Second

// transactions commits records together with the offset that they were made up
// to (rules A1–A4). Each partition has a transactional id of its own, the same
// under every owner: taking it over ends what a former owner had begun and
// fences him, without a wait.
type transactions struct {
	cl *kgo.Client
	id string
}

// takeTransactions takes over a transactional id (A4). Whatever a former owner
// had not ended is aborted once it returns.
func takeTransactions(ctx context.Context, cfg Config, id string, log *slog.Logger) (*transactions, error) {
	c, err := codec(cfg.Codec)
	if err != nil {
		return nil, err
	}
	// Newer forms of the offset's request ask for a coordinator that knows them;
	// these do for every broker, with the offsets topic added by hand.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), 4)
	cl, err := kgo.NewClient(append(options(cfg, log),
		kgo.TransactionalID(id),
		kgo.TransactionTimeout(TransactionTimeout),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(c, kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(MaxMessageBytes),
		kgo.ProducerLinger(0),
		kgo.ProduceRequestTimeout(cfg.RequestTimeout),
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(partitioner)),
		kgo.MaxVersions(versions),
	)...)
	if err != nil {
		return nil, err
	}
	t := &transactions{cl: cl, id: id}
	if _, _, err := cl.ProducerID(ctx); err != nil {
		cl.Close()
		return nil, fmt.Errorf("take over transactional id %s: %w", id, err)
	}
	return t, nil
}

// takeOver makes the source's commits part of transactions, and reads again what
// the group holds: by now nobody else can change it (A2, A4).
func (s *source) takeOver(ctx context.Context) (err error) {
	id := fmt.Sprintf("%s/%s/%d", s.m.c.cfg.Group, s.tp.topic, s.tp.partition)
	if s.txn, err = takeTransactions(ctx, s.m.c.bus, id, s.m.log); err != nil {
		return err
	}
	if s.committed, err = s.settled(ctx); err != nil {
		return fmt.Errorf("committed offset of %s/%d: %w", s.tp.topic, s.tp.partition, err)
	}
	return nil
}

// settled asks for the partition's offset until no transaction holds it: the
// brokers answer that one was ended before the offset is free of it. Those that
// hold other partitions' are their owners' business.
func (s *source) settled(ctx context.Context) (pipeline.Committed, error) {
	for {
		offsets, err := s.m.adm.FetchOffsets(kadm.RequireStable(ctx), s.m.c.cfg.Group)
		o, ok := offsets.Lookup(s.tp.topic, s.tp.partition)
		switch err := cmp.Or(err, o.Err); {
		case err == nil && ok:
			return pipeline.Committed{Offset: max(o.At, -1), Metadata: o.Metadata}, nil
		case err == nil:
			return pipeline.Committed{Offset: -1}, nil
		case !errors.Is(err, kerr.UnstableOffsetCommit):
			return pipeline.Committed{}, err
		}
		if err := sleep(ctx, concurrentPause); err != nil {
			return pipeline.Committed{}, err
		}
	}
}

// Transact produces records and commits the offset as one (A1): all of it, or
// nothing. ErrLost and ErrAmbiguous mean what they mean for Commit; after any
// error the partition has to be read back.
func (s *source) Transact(ctx context.Context, records []pipeline.Record, offset int64, metadata string) error {
	began := time.Now()
	err := s.transaction(ctx, records, offset, metadata)
	outcome := "committed"
	if err != nil {
		outcome = "aborted"
	}
	s.m.c.metrics.transactions.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
	if err != nil {
		return fmt.Errorf("transaction up to offset %d of %s/%d: %w", offset, s.tp.topic, s.tp.partition, err)
	}
	s.lag.commit(offset)
	return nil
}

func (s *source) transaction(ctx context.Context, records []pipeline.Record, offset int64, metadata string) error {
	// What was begun is ended: a revocation must not leave it open.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), TransactionTimeout)
	defer cancel()
	release, id, err := s.lease.hold()
	if err != nil {
		return err
	}
	defer release()
	cl := s.txn.cl
	if err := cl.BeginTransaction(); err != nil {
		return fmt.Errorf("%w: begin: %w", pipeline.ErrAmbiguous, err)
	}
	err = s.txn.produce(ctx, records)
	if err == nil {
		pipeline.FaultPoint("in_transaction")
		err = s.commitOffset(ctx, commitRequest(s.m.c.cfg.Group, s.m.current(id), s.log, offset, metadata))
	}
	if err != nil {
		return s.abort(ctx, err)
	}
	pipeline.FaultPoint("before_transaction_end")
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		// Whether it was committed is seen when the next owner of the id reads back.
		s.lease.expire(pipeline.ErrAmbiguous)
		return fmt.Errorf("%w: end: %w", pipeline.ErrAmbiguous, err)
	}
	return nil
}

// produce waits for the acknowledgement of records, until ctx ends. The library
// itself waits for ever for records that are under way, so as not to break their
// sequence; here the whole client is given up, and with it the transaction.
func (t *transactions) produce(ctx context.Context, records []pipeline.Record) error {
	out := make([]*kgo.Record, len(records))
	for i := range records {
		out[i] = encode(&records[i])
	}
	done := make(chan error, 1)
	go func() { done <- t.cl.ProduceSync(ctx, out...).FirstErr() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		t.cl.Close()
		return errors.Join(context.Cause(ctx), <-done)
	}
}

// abort ends a transaction that was refused, for the sake of those who read. The
// partition is read back whatever becomes of it: taking the id over aborts too.
func (s *source) abort(ctx context.Context, why error) error {
	s.lease.expire(pipeline.ErrAmbiguous)
	return errors.Join(fmt.Errorf("%w: %w", pipeline.ErrAmbiguous, why), s.txn.cl.EndTransaction(ctx, kgo.TryAbort))
}

// commitOffset makes the group's offset part of the transaction, under the
// identity of the lease.
func (s *source) commitOffset(ctx context.Context, commit *kmsg.OffsetCommitRequest) error {
	node, err := s.m.findCoordinator(ctx)
	if err != nil {
		return err
	}
	if err := s.txn.commitOffset(ctx, node, commit); err != nil {
		s.m.coordinator.Store(-1)
		return err
	}
	return nil
}

// commitOffset makes a group's offset part of the transaction; node is the
// group's coordinator. It makes one attempt: a late duplicate could land in the
// next transaction.
func (t *transactions) commitOffset(ctx context.Context, node int32, commit *kmsg.OffsetCommitRequest) error {
	producer, epoch, err := t.cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = t.id, producer, epoch, commit.Group
	if err := addOffsets(ctx, t.cl, add); err != nil {
		return fmt.Errorf("add offsets: %w", err)
	}
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	r.TransactionalID, r.ProducerID, r.ProducerEpoch = t.id, producer, epoch
	r.Group, r.MemberID, r.Generation = commit.Group, commit.MemberID, commit.Generation
	from := commit.Topics[0].Partitions[0]
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = from.Partition, from.Offset, from.Metadata
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = commit.Topics[0].Topic, commit.Topics[0].TopicID
	topic.Partitions = append(topic.Partitions, p)
	r.Topics = append(r.Topics, topic)
	resp, err := t.cl.Broker(int(node)).Request(ctx, r)
	if err != nil {
		return fmt.Errorf("commit offset: %w", err)
	}
	got := resp.(*kmsg.TxnOffsetCommitResponse)
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		return errors.New("commit offset: answered without its partition")
	}
	if err := kerr.ErrorForCode(got.Topics[0].Partitions[0].ErrorCode); err != nil {
		return fmt.Errorf("commit offset: %w", err)
	}
	return nil
}

// addOffsets asks until the last transaction's end is known to all: until then
// the coordinator answers that it is still at it.
func addOffsets(ctx context.Context, cl *kgo.Client, r *kmsg.AddOffsetsToTxnRequest) error {
	for {
		resp, err := r.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
		if err := sleep(ctx, concurrentPause); err != nil {
			return err
		}
	}
}

const concurrentPause = 20 * time.Millisecond

func (t *transactions) close() { t.cl.Close() }
