//go:build soak

package kafka_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/internal/bus"
	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// What TestSoakAggregatorOfTwentyThousandSeries has: 4 tenants of 4,990 components
// each, beside what else each tenant has series of.
const (
	crowdTenants    = 4
	crowdComponents = 4990
	crowdPartitions = 12
	crowdSpans      = 1_200_000
	crowdEvents     = 120_000
	crowdPerRecord  = 40
)

// TestSoakAggregatorOfTwentyThousandSeries: one aggregator has all partitions, and
// with the settings that it has by itself counts spans of a day in twenty thousand
// series, and remembers assessments; both stages, every window and Kafka's client
// stay within 512 MiB.
func TestSoakAggregatorOfTwentyThousandSeries(t *testing.T) {
	const limitMiB = 512
	site := kafka.NewSite(t)
	site.Start(t)
	p := site.Plant(t, bus.ProtocolClassic)
	api := testkit.FreeAddr(t)
	a := p.Aggregator(t, api, harness.Options{Env: []string{"SPANMILL_PARTITIONS=" + strconv.Itoa(crowdPartitions)}})
	a.AwaitReady(t)
	cfg := bus.Default()
	cfg.Brokers = []string{p.Broker.Plain}
	producer, err := bus.NewProducer(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	rng, now := rand.New(rand.NewPCG(20, 1)), time.Now()
	for n := 0; n < crowdSpans; n += 400 * crowdPerRecord {
		records := make([]pipeline.Record, 400)
		for i := range records {
			records[i] = crowdRecord(t, rng, now)
		}
		if err := producer.Produce(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < crowdEvents; n += 1000 {
		records := make([]pipeline.Record, 1000)
		for i := range records {
			records[i] = crowdVerdict(t, n+i, now)
		}
		if err := producer.Produce(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, 20*time.Minute, func() error {
		body := apiPage(t, api, "/api/v1/metrics/query?metric=spans&window=24h&stat=count")
		var answer struct {
			Series []struct {
				Points []struct {
					Values map[string]float64 `json:"values"`
				} `json:"points"`
			} `json:"series"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			return err
		}
		if left := p.Lag(t, p.Aggregators); left != 0 || len(answer.Series) != 1 {
			return fmt.Errorf("%d records are not counted: %.200s", left, body)
		}
		return nil
	})
	exposed := len(apiPage(t, api, "/metrics"))
	peak := a.PeakKiB(t) >> 10
	t.Logf("%d spans of %d tenants, %d assessments; the page of the tenant without a key has %d bytes; %s; peak RSS %d MiB",
		crowdSpans, crowdTenants, crowdEvents, exposed, gauges(t, a, "spanmill_live_", "spanmill_aggregator_"), peak)
	if peak > limitMiB {
		t.Errorf("peak RSS %d MiB, want %d at most", peak, limitMiB)
	}
	a.Terminate(t)
}

// crowdRecord is a trace of a tenant that ended within the last day: a root, and
// calls of random components below it.
func crowdRecord(t *testing.T, rng *rand.Rand, now time.Time) pipeline.Record {
	t.Helper()
	var id schema.TraceID
	binary.BigEndian.PutUint64(id[:8], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	end := uint64(now.Add(-time.Duration(rng.Int64N(int64(23 * time.Hour)))).UnixNano())
	spans := make([]*tracepb.Span, crowdPerRecord)
	for i := range spans {
		span := binary.BigEndian.AppendUint64(nil, rng.Uint64()|1)
		spans[i] = &tracepb.Span{
			TraceId: id[:], SpanId: span, Name: "component-" + letters(rng.IntN(crowdComponents)), EndTimeUnixNano: end - uint64(i)*1e6,
			StartTimeUnixNano: end - uint64(i)*1e6 - uint64(rng.Int64N(1e9)), Attributes: []*commonpb.KeyValue{textOf("gen_ai.operation.name", "execute_tool"), textOf("gen_ai.tool.name", "search")},
		}
		if i > 0 {
			spans[i].ParentSpanId = spans[0].SpanId
		}
	}
	body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textOf("service.name", "shop")}}, ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	tenant := "default"
	if n := rng.IntN(crowdTenants); n > 0 {
		tenant = "tenant-" + letters(n)
	}
	return pipeline.Record{
		Topic: schema.TopicSpans, Partition: schema.PartitionOf(id, crowdPartitions), Value: body, Time: now,
		Headers: []pipeline.Header{{Key: schema.HeaderTenant, Value: []byte(tenant)}, {Key: schema.HeaderVersion, Value: []byte(schema.SpansVersion)}},
	}
}

// crowdVerdict is a judge's score of a trace.
func crowdVerdict(t *testing.T, n int, now time.Time) pipeline.Record {
	t.Helper()
	trace := fmt.Sprintf("%032x", n)
	body, err := schema.EncodeEvents([]schema.Event{{Kind: schema.EventAssessment, TraceID: trace, Assessment: &schema.Assessment{
		ID: "a-" + trace, Mask: schema.AssessmentAll, Name: "relevance", SourceType: "LLM_JUDGE", Type: "feedback", Value: fmt.Sprintf("0.%d", n%10), Valid: true,
		CreateMilli: now.UnixMilli() - int64(n), Rationale: "it answers what was asked",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return pipeline.Record{
		Topic: schema.TopicEvents, Partition: schema.PartitionOfKey(trace, crowdPartitions), Value: body, Time: now,
		Headers: []pipeline.Header{{Key: schema.HeaderTenant, Value: []byte("default")}, {Key: schema.HeaderVersion, Value: []byte(schema.EventsVersion)}},
	}
}

// letters writes a number in a way that is no id.
func letters(n int) string {
	text := ""
	for ; text == "" || n > 0; n /= 16 {
		text += string("ghijklmnopqrstuv"[n%16])
	}
	return text
}

func textOf(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// apiPage asks an aggregator's API.
func apiPage(t *testing.T, api, path string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// gauges are what a process tells of itself under some prefixes, without its
// histograms.
func gauges(t *testing.T, p *harness.Process, prefixes ...string) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(p.Metrics(t)) {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) && !strings.Contains(line, "_bucket") && !strings.HasSuffix(line, " 0\n") {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(out, ", ")
}
