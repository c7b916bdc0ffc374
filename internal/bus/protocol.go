package bus

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

// protocol is how the group client takes part.
//
// The two differ in what a commit is fenced by. Classic: the generation, which
// every rebalance raises and tells in assigned. KIP-848: the member's epoch,
// which the coordinator raises in a heartbeat's answer, with or without a change
// of our partitions; see current.
func protocol(cfg Config) []kgo.Opt {
	opts := []kgo.Opt{kgo.Rack(cfg.Rack)}
	if cfg.GroupProtocol == ProtocolConsumer {
		return append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	}
	return append(opts, kgo.Balancers(kgo.CooperativeStickyBalancer()))
}

// current is the lease's identity with the epoch that the member has reached
// since (KIP-848). The lease itself stays the fence: it has ended before the
// group hears that a partition was let go, and a member that was thrown out
// loses its leases before it comes back under the same id.
func (m *membership) current(id identity) identity {
	if m.c.bus.GroupProtocol != ProtocolConsumer {
		return id
	}
	if member, epoch := m.cl.GroupMetadata(); member == id.member && epoch > id.generation {
		id.generation = epoch
	}
	return id
}
