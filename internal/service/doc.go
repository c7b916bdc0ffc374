// Package service is how the parts of one process live together: what a part
// is, in which order parts start and stop, and what a signal does.
//
// A Service runs until its context ends and says when it is ready. A Group
// starts services in order, each when the one before is ready, and stops them
// in reverse, so that a part never outlives what it leans on: the gateway stops
// before the bus that it produces to.
//
// Stopping is asking: the context that ends tells a service to finish what it
// holds and return. Each has its own time for that; one that takes longer is
// left behind and reported, and the ones below it still get their turn.
//
// Invariants:
//
//   - S1: a service is started only when all before it are ready, and stopped
//     only when all after it have returned or used up their time.
//   - S2: the first service that ends unasked ends the group, and is its error.
package service
