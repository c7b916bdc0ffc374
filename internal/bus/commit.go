package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// commitRequest says what to commit where, under an identity.
func commitRequest(group string, id identity, log pipeline.Log, offset int64, metadata string) *kmsg.OffsetCommitRequest {
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = log.Partition, offset, &metadata
	t := kmsg.NewOffsetCommitRequestTopic()
	// Newer versions carry only the id, older ones only the name.
	t.Topic, t.TopicID = log.Topic, log.TopicID
	t.Partitions = append(t.Partitions, p)
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.MemberID, r.Generation = group, id.member, id.generation
	r.Topics = append(r.Topics, t)
	return r
}

// send makes one attempt, straight to the coordinator: the library's own commit
// would be retried behind our back and could land after a newer one (W2). It
// outlives ctx, which may end because we are being revoked: an answer that is
// known is worth the wait.
func (m *membership) send(ctx context.Context, req *kmsg.OffsetCommitRequest) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.c.cfg.CommitTimeout)
	defer cancel()
	node, err := m.findCoordinator(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	resp, err := m.cl.Broker(int(node)).Request(ctx, req)
	if err == nil {
		err = answerOf(resp.(*kmsg.OffsetCommitResponse))
	}
	if err != nil { // moved, restarted or unknown: look it up next time
		m.coordinator.Store(-1)
	}
	return err
}

// answerOf gives the partition's error. An answer that does not mention our
// one partition says nothing.
func answerOf(resp *kmsg.OffsetCommitResponse) error {
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return errors.New("commit answered without its partition")
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// findCoordinator gives the broker that holds our group.
func (m *membership) findCoordinator(ctx context.Context) (int32, error) {
	if node := m.coordinator.Load(); node >= 0 {
		return node, nil
	}
	node, err := coordinatorOf(ctx, m.cl, m.c.cfg.Group)
	if err == nil {
		m.coordinator.Store(node)
	}
	return node, err
}

// coordinatorOf asks which broker holds a group.
func coordinatorOf(ctx context.Context, cl *kgo.Client, group string) (int32, error) {
	r := kmsg.NewPtrFindCoordinatorRequest()
	r.CoordinatorKey = group // for older brokers
	r.CoordinatorKeys = []string{group}
	resp, err := r.RequestWith(ctx, cl)
	if err != nil {
		return 0, fmt.Errorf("find coordinator: %w", err)
	}
	node, code := resp.NodeID, resp.ErrorCode
	if len(resp.Coordinators) > 0 {
		node, code = resp.Coordinators[0].NodeID, resp.Coordinators[0].ErrorCode
	}
	if err := kerr.ErrorForCode(code); err != nil {
		return 0, fmt.Errorf("find coordinator: %w", err)
	}
	return node, nil
}
