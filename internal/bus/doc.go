// Package bus is Kafka as the rest of the product sees it. franz-go stays
// inside this package and its children.
//
//   - Producer writes records to given partitions and answers only once every
//     one of them is on all in-sync replicas (P1).
//   - Consumer is a member of a consumer group. Each partition assigned to it is
//     a pipeline.Source in the hands of one goroutine of its own.
//   - EnsureTopics creates the topics with the settings the promises need.
//
// # Exactly once: what the consumer guards
//
// The writer keeps its intents in the group's commit metadata, so a commit that
// lands late, twice or from a former owner would undo one. Hence (rule names
// are those of docs/exactly-once.md):
//
//   - W1: every partition has a lease: the member id and generation it was
//     assigned under. A commit carries the lease's values. Revoking ends the
//     lease before the group hears that we let go.
//   - W2: a commit is one raw request straight to the coordinator, one
//     outstanding per partition, never retried by the library. A definite
//     refusal that may pass is answered with the same content again; an unknown
//     outcome makes the whole member leave and a new one read back.
//   - W3: nothing else commits.
//   - W6, W13, W14: no offset is ever reset. Where to start without a commit is
//     asked of the Starter; a log that expired or lost its tail stops its
//     partition, loudly, while the others flow.
//
// # How records flow
//
// The group client joins, heartbeats and fetches committed offsets, and reads
// no records. Each Source reads its partition through a small client of its
// own: what was revoked cannot be delivered late because its client is closed,
// a stalled partition simply is not polled, and heartbeats never wait for a
// handler. Two fetches of FetchBytes are in memory per partition: the one being
// handled and the next.
//
// Start with consumer.go; membership.go is one life in the group, lease.go the
// fence, source.go what handlers see, reader.go the log.
package bus
