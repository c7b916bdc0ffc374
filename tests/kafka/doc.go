// Package kafka runs a real Apache Kafka, one node of the version in pom.xml,
// for tests: the broker's jars come from Maven (scripts/kafka.sh), the process
// is a child of the test, and everything it writes is in the test's folder.
//
//	b := kafka.New(t)   // ports, users and certificates are settled
//	b.Start(t)          // about five seconds
//	… b.Plain, b.SASL, b.MTLS …
//
// It has a listener without any security, one with SASL over TLS, and one that
// wants a client certificate. The tests beside it run our own bus, our binaries
// and a foreign client against them.
package kafka
