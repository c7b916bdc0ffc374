package race

import (
	"path/filepath"
	"strconv"

	"github.com/spanmill/spanmill/bench/machine"
	"github.com/spanmill/spanmill/pkg/schema"
)

// places are where a side's processes find each other.
type places struct {
	brokers, topic, group string
	http, grpc, admin     string
	clickhouse            *machine.Engine // of a writer
}

// side is a product under test.
type side struct {
	name  string
	topic string
	// makesTopic: its way in makes the topic; else it has to be there.
	makesTopic bool
	// table has a row for each span; ids are the two columns that name it.
	table, ids string
	// gateway and writer are how to start its two halves.
	gateway, writer func(places) machine.Command
}

// spanmill is our own two binaries, with their defaults.
func spanmill(o Options) side {
	kafka := func(p places) []string {
		return []string{"--brokers", p.brokers, "--partitions", strconv.Itoa(o.Partitions), "--kafka-codec", o.Codec, "--admin", p.admin}
	}
	return side{
		name: "spanmill", topic: schema.TopicSpans, makesTopic: true,
		table: "spanmill.spans", ids: "trace_id, span_id",
		gateway: func(p places) machine.Command {
			return machine.Command{
				Path: filepath.Join(o.Root, "bin", "ingest-gateway"), Ready: "http://" + p.admin + "/ready",
				Args: append(kafka(p), "--otlp-http", p.http, "--otlp-grpc", p.grpc),
			}
		},
		writer: func(p places) machine.Command {
			return machine.Command{
				Path: filepath.Join(o.Root, "bin", "writer"),
				Args: append(kafka(p), "--group", p.group, "--clickhouse", "http://"+p.clickhouse.HTTPAddr, "--clickhouse-user", p.clickhouse.User),
				Env:  []string{"SPANMILL_CLICKHOUSE_PASSWORD=" + p.clickhouse.Password},
			}
		},
	}
}

// queueBatches: two that are being inserted and the next one. A longer queue
// only costs the peer memory.
const queueBatches = 3

// collector is the peer; bench/collector has its configurations.
func collector(o Options, path string) side {
	command := func(config string, env ...string) machine.Command {
		return machine.Command{
			Path: path, Args: []string{"--config", filepath.Join(o.Root, "bench", "collector", config)}, Env: env,
		}
	}
	return side{
		name: "Collector", topic: "otlp_spans",
		table: "spanmill.otel_traces", ids: "TraceId, SpanId",
		gateway: func(p places) machine.Command {
			c := command("gateway.yaml", "BROKERS="+p.brokers, "TOPIC="+p.topic, "HEALTH="+p.admin,
				"OTLP_HTTP="+p.http, "OTLP_GRPC="+p.grpc, "CODEC="+o.Codec, "BY_TRACE="+strconv.FormatBool(o.PeerByTrace))
			c.Ready = "http://" + p.admin
			return c
		},
		writer: func(p places) machine.Command {
			return command("writer.yaml", "BROKERS="+p.brokers, "TOPIC="+p.topic, "GROUP="+p.group, "HEALTH="+p.admin,
				"CLICKHOUSE=tcp://"+p.clickhouse.TCPAddr, "CLICKHOUSE_DATABASE="+p.clickhouse.Database,
				"CLICKHOUSE_USER="+p.clickhouse.User, "CLICKHOUSE_PASSWORD="+p.clickhouse.Password,
				"BATCH_ROWS="+strconv.Itoa(o.PeerRows), "QUEUE_ROWS="+strconv.Itoa(queueBatches*o.PeerRows), "ASYNC_INSERT="+strconv.FormatBool(o.PeerAsync))
		},
	}
}
