// Package harness runs the built binaries as their users do, on random ports,
// and speaks to them through the addresses they give and through nothing else.
// End-to-end, compatibility and Kafka tests use it.
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
//	func testX(t *testing.T, p harness.Plant) {
//		in := harness.Start(t, p, harness.Options{})
//		… send to in.OTLPHTTP …
//		harness.Eventually(t, func() error { … in.SQL(t, "SELECT …") … })
//	}
//
// A Plant is where a pipeline lives: what one start writes the next one finds.
// Up is `spanmill up` with a data directory; the plant of package kafka
// (tests/kafka) is ingest-gateway and writer on a real Kafka and a ClickHouse.
// A test that takes a Plant runs on all of them.
//
// An Instance is one life of a plant. To kill and start again:
//
//	in.Kill()                                  // SIGKILL, every process of ours at once
//	in.Processes[1].Kill()                     // one of them: [0] has the doors
//	in.KillEngine(t)                           // ClickHouse; it is started again
//	in = harness.Start(t, p, harness.Options{})  // the next life, on the same data
//
// The Kafka plant can do more, each part on its own: see its documentation.
//
// The contract relied on is the one in README.md, "Contract for scripts", and
// docs/processes.md.
package harness
