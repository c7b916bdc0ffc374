// Package engine runs a real ClickHouse server on this machine without
// installing one: the server code comes as one shared library (libchdb.so),
// and a child process of the product binary hosts it.
//
//	parent  Engine.Run   writes the configuration, starts the child, waits
//	                     until it answers, starts it again when it dies
//	child   child.Child  takes the data directory's lock, loads the library
//	                     and lets it run as clickhouse-local, told to listen
//	people  Fetch        brings the library into the cache, hash checked
//
// Everything above this package talks to the child over ClickHouse's own HTTP
// and native protocols and cannot tell it from a server elsewhere.
//
// Invariants:
//
//   - E1 A child never outlives its parent. Its standard input is a pipe that
//     only the parent holds open; at end of file the child stops, and ends
//     itself the hard way if stopping takes too long. (The kernel's parent
//     death signal follows the parent's thread, not its process, and Go moves
//     between threads.)
//   - E2 One engine per data directory: the child holds a lock on it, and a
//     new child waits for a leftover one to go.
//   - E3 The addresses, the user and the password stay the same across
//     restarts of the child; the password also across those of the parent.
//   - E4 What the engine acknowledged is on disk: every part is synced.
//   - E5 Only the owner of the data directory gets in: listeners are on
//     loopback, the password is in a file that others cannot read, and never
//     in arguments or the environment.
package engine
