// Package harness runs the built binary as its users do: `spanmill up` in a
// folder of its own, on random ports, spoken to through the addresses it
// writes and through nothing else. End-to-end and compatibility tests use it.
//
//	func TestMain(m *testing.M) { harness.Main(m) }
//
//	func TestX(t *testing.T) {
//		up := harness.Start(t, harness.Options{})
//		… send to up.OTLPHTTP …
//		harness.Eventually(t, func() error { … up.SQL(t, "SELECT …") … })
//	}
//
// The contract it relies on is the one in README.md, "Contract for scripts".
package harness
