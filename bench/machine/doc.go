// Package machine starts the processes of a benchmark and reads from the
// kernel what each of them cost.
//
//	broker: a real Apache Kafka, with the JVM settings of its own start script
//	engine: ClickHouse, a new one for each round
//	process: any other program, with a log file and a question whether it serves
//
// Everything ends with the context it was started with, at the latest with the
// benchmark's own process.
package machine
