// Package kafka runs a real Apache Kafka, one node of the version in pom.xml,
// for tests: the broker's jars come from Maven (scripts/kafka.sh), the process
// is a child of the test, and everything it writes is in the test's folder. With
// it come a ClickHouse and our processes: a plant as people run it.
//
//	func TestMain(m *testing.M) { child.MainIfChild(); harness.Main(m) }
//
//	site := kafka.NewSite(t)         // ports, users and certificates are settled
//	site.Start(t)                    // about five seconds
//	p := site.Plant(t, "classic")    // or "consumer"; removes its topics and tables at the end
//	in := harness.Start(t, p, harness.Options{})
//	… send to in.OTLPHTTP, ask in.SQL(t, "SELECT …") …
//
// The broker has a listener without any security, one with SASL over TLS, which
// the plant uses, and one that wants a client certificate. Package e2e runs its
// tests on such plants; the tests beside it are about what only they have.
//
// Each part can be killed and brought back on its own:
//
//	gateway, writer := p.Gateway(t, o), p.Writer(t, o)  // as many writers as wanted
//	gateway.AwaitReady(t)
//	writer.Kill()                                  // SIGKILL
//	p.Bury(t)                                      // optional: spare the group the 15 s until it notices
//	writer = p.Writer(t, o)                        // another one
//	gateway.Kill(); gateway = p.Gateway(t, o)      // at the same addresses
//	p.ClickHouse.Kill(t)                           // comes back by itself, on the same data
//	p.Broker.Kill(); p.Broker.Restart(t)           // at the same addresses, on the same data
//
// Options take a fault point: Tags "faults", Env "SPANMILL_FAULT=after_intent".
package kafka
