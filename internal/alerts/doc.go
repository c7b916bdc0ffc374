// Package alerts watches live metrics by rules, and tells people when one begins
// to hold and when it ends.
//
//	load.go      alerts.yaml: rules and receivers, every error with its place
//	rule.go      what rules are made of
//	judge.go     what a rule says about each of its groups at an instant
//	engine.go    states: pending, firing, resolved
//	keeper.go    the loop: instants, states kept in topic alerts, notices owed
//	courier.go   bounded queues to receivers, with retries
//	receiver.go  webhooks and Alertmanagers
//	pack.go      the rules that come with the product
//
// Invariants:
//
//   - Rules look at panes that began at least [Behind] ago, and so are complete but
//     for what is late. Whatever a rule says at an instant depends on those alone.
//   - The engine is pure: the same metrics at the same instants give the same
//     changes. Instants are multiples of [Config.Every]; those that were missed are
//     made up for.
//   - A change of state is in topic alerts before anybody hears of it, in a
//     transaction with the instant it happened at, which only the owner of the
//     topic's partition can commit: each change happens once, whoever dies. A
//     notice that was sent but not noted as such is sent again, under the same id.
//   - Rules are about one tenant at a time; no text has more than names of rules,
//     labels, numbers and times. Labels have no content (package aggregator).
package alerts
