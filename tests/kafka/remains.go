package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	clearTimeout = time.Minute
	retryEvery   = 50 * time.Millisecond
	listTables   = "SELECT name FROM system.tables WHERE database = 'spanmill'"
)

// Bury tells the groups that the members which have ended are dead, as they would
// find out themselves once their sessions time out (15 s).
func (p *Plant) Bury(t testing.TB) {
	t.Helper()
	if err := p.bury(t.Context()); err != nil {
		t.Fatalf("remove the dead from their groups: %v", err)
	}
}

func (p *Plant) bury(ctx context.Context) error {
	if len(p.members) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.Broker.Plain))
	if err != nil {
		return err
	}
	defer cl.Close()
	classic := []string{p.Group, p.Aggregators}
	if p.Protocol == "consumer" {
		if err := p.buryConsumers(ctx, cl); err != nil {
			return err
		}
		classic = classic[1:]
	}
	groups, err := kadm.NewClient(cl).DescribeGroups(ctx, classic...)
	if err != nil {
		return err
	}
	for _, group := range classic {
		if err := p.buryMembers(ctx, cl, groups[group]); err != nil {
			return fmt.Errorf("group %s: %w", group, err)
		}
	}
	return nil
}

// buryMembers speaks for the dead in the classic protocol.
func (p *Plant) buryMembers(ctx context.Context, cl *kgo.Client, group kadm.DescribedGroup) error {
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = group.Group
	for _, m := range group.Members {
		if p.isDead(m.ClientID) {
			gone := kmsg.NewLeaveGroupRequestMember()
			gone.MemberID = m.MemberID
			leave.Members = append(leave.Members, gone)
		}
	}
	if len(leave.Members) == 0 {
		return nil
	}
	answer, err := leave.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}

// Lag is how many records a group has not committed.
func (p *Plant) Lag(t testing.TB, group string) int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.Broker.Plain))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	lags, err := kadm.NewClient(cl).Lag(t.Context(), group)
	if err == nil {
		err = lags.Error()
	}
	if err != nil {
		t.Fatalf("lag of %s: %v", group, err)
	}
	return lags[group].Lag.Total()
}

// buryConsumers speaks for the dead in the protocol of KIP-848.
func (p *Plant) buryConsumers(ctx context.Context, cl *kgo.Client) error {
	describe := kmsg.NewPtrConsumerGroupDescribeRequest()
	describe.Groups = []string{p.Group}
	answer, err := describe.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	for _, group := range answer.Groups {
		for _, m := range group.Members {
			if !p.isDead(m.ClientID) {
				continue
			}
			leave := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			leave.Group, leave.MemberID, leave.MemberEpoch = p.Group, m.MemberID, -1
			left, err := leave.RequestWith(ctx, cl)
			if err == nil {
				err = kerr.ErrorForCode(left.ErrorCode)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Plant) isDead(clientID string) bool {
	m := p.members[clientID]
	return m != nil && m.Ended()
}

// clear removes topics and tables.
func (p *Plant) clear(t testing.TB) {
	t.Helper()
	if p.Broker.cmd == nil {
		return // the test failed before anything ran
	}
	for what, remove := range map[string]func(context.Context) error{"topics": p.deleteTopics, "tables": p.dropTables} {
		ctx, cancel := context.WithTimeout(context.Background(), clearTimeout)
		if err := remove(ctx); err != nil {
			t.Errorf("remove the %s: %v", what, err)
		}
		cancel()
	}
}

func (p *Plant) deleteTopics(ctx context.Context) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.Broker.Plain))
	if err != nil {
		return err
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).DeleteTopics(ctx, schema.TopicSpans, schema.TopicDeadLetters, schema.TopicRollups, schema.TopicAlerts)
	if err != nil {
		return err
	}
	for _, topic := range topics.Sorted() {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.UnknownTopicOrPartition) {
			return topic.Err
		}
	}
	return nil
}

// dropTables waits for an engine that the test may have killed last.
func (p *Plant) dropTables(ctx context.Context) error {
	at := p.Addresses()
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	tables, err := at.Query(ctx, listTables)
	for ; err != nil && ctx.Err() == nil; tables, err = at.Query(ctx, listTables) {
		<-tick.C
	}
	if err != nil {
		return err
	}
	for table := range strings.FieldsSeq(tables) {
		if _, err := at.Query(ctx, "DROP TABLE "+table+" SYNC"); err != nil {
			return err
		}
	}
	return nil
}
