// Package population plays people who use a GenAI application over simulated
// weeks, and knows what must be told of them: how many come back, buy, are
// helped, and what that is worth.
//
//	population.go   the script: users, their sessions, what happens in them
//	ledger.go       what every metric of a minute or day must be
//	retention.go    what must be told of users and cohorts
//	stream.go       what must be told as events and spans come
//	wire.go         the script as OTLP requests and as business events
//
// As the rest of demo it shares nothing with the product: it counts what it
// has decided, in plain loops.
package population
