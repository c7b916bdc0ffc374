package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/schema"
)

// repriceBooks are the shipped ones and one that changes some prices, from the
// middle of the test's day on.
func repriceBooks(t *testing.T) (before, after *pricing.Books) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.yaml")
	at := time.UnixMilli(int64(testStart/1e6) + 500).UTC().Format(time.RFC3339Nano)
	text := fmt.Sprintf(`books:
- effective_at: %s
  models:
  - {provider: openai, model: gpt-4o, input: "3.000000000001", output: "7", cache_read: "0.5", request: "0.000000001"}
  - {provider: acme, model: "owl's", input: "1", long_context: [{above: 5000, input: "2"}, {above: 9000, input: "3"}], tiers: {flex: {input: "0.1"}}}
- effective_at: %[1]s
  tenant: reporter
  prefer_reported: true
`, at)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(cfg pricing.Config) *pricing.Books {
		books, err := pricing.Load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return books
	}
	return load(pricing.Config{}), load(pricing.Config{Files: []string{path}})
}

// repriceRow makes a span of whatever usage.
func repriceRow(r *rand.Rand, i int) *schema.SpanRow {
	one := func(words ...string) string { return words[r.IntN(len(words))] }
	count := func(most uint64) schema.Count {
		if r.IntN(3) == 0 {
			return schema.Count{}
		}
		return schema.Count{N: r.Uint64N(most), Set: true}
	}
	g := &schema.GenAI{
		Provider: one("openai", "anthropic", "gcp.gemini", "acme", "unknown", ""), Billable: r.IntN(5) > 0,
		Model:       one("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro", "owl's", "text-embedding-3-small", "gpt-4o-2024-08-06", ""),
		ServiceTier: one("", "", "default", "flex", "priority", "scale"), Batch: r.IntN(6) == 0,
		InputTokens: count(400_000), OutputTokens: count(5000), CacheReadTokens: count(9000), CacheWriteTokens: count(900), CacheWrite1hTokens: count(400),
		ReasoningTokens: count(3000), AudioInputTokens: count(100), AudioOutputTokens: count(100),
		CostNano: count(1 << 40), CostDetailed: r.IntN(2) == 0, InputAttr: -1, OutputAttr: -1,
	}
	span := &schema.Span{
		TraceID: schema.TraceID{byte(i % 97), 1}, SpanID: schema.SpanID{byte(i), byte(i >> 8), 1}, Index: uint32(i), StatusCode: int32(r.IntN(3)),
		StartUnixNano: testStart, EndUnixNano: testStart + 5, Resource: &schema.Resource{}, Scope: &schema.Scope{},
	}
	// What metrics go by.
	g.Weight, g.Eval, g.ServiceName = int64(schema.WeightOnce), r.IntN(9) == 0, one("shop", "judge", strings.Repeat("ä", 60))
	if r.IntN(4) == 0 {
		g.Weight = 1 + r.Int64N(9_999_999)
	}
	switch r.IntN(8) {
	case 0: // not believed
		span.EndUnixNano = []uint64{0, 1 << 62, 1<<64 - 1, testStart - 31*24*60*60*1e9}[r.IntN(4)]
	case 1:
		span.EndUnixNano += r.Uint64N(60e9)
	}
	if i%400 == 7 { // an absurd count, in a trace of its own: sums of such saturate
		g.InputTokens = schema.Count{N: ^uint64(0), Set: true}
		span.TraceID = schema.TraceID{200, byte(i / 400)}
	}
	return &schema.SpanRow{
		Span: span, GenAI: g, Tenant: one("a", "reporter"), ExperimentID: one("0", "7"), ReceivedMilli: int64(testStart/1e6) + int64(r.IntN(1000)), PartDay: testDay, RetentionDays: 30, Log: testLog,
	}
}

const repriceSpans = 1000

// fillPriced stores spans as a writer with the books before would, and gives the
// costs that one with the books after would have given, and by how much metrics
// would be others.
func fillPriced(t *testing.T, b *bundle, before, after *pricing.Books) (want []string, change streamed) {
	t.Helper()
	change = streamed{}
	r := rand.New(rand.NewPCG(7, 7))
	old, now := pricing.NewPricer(before), pricing.NewPricer(after)
	spans, parts := NewSpanBlock(), NewTracePartBlock()
	sums := make(map[string]*schema.TracePart)
	for i := range repriceSpans {
		row := repriceRow(r, i)
		now.Price(row.Tenant, row.ReceivedMilli, row.Span, row.GenAI, &row.Cost)
		c := row.Cost
		computed := `\N`
		if c.Computed.Set {
			computed = fmt.Sprint(min(c.Computed.N, schema.MaxCostNano))
		}
		change.count(row, 1)
		want = append(want, fmt.Sprintf("%d\t%d\t%s\t%s\t%d\t%s", i, c.Nano, c.Source, computed, min(c.Input, schema.MaxCostNano), c.Version))
		old.Price(row.Tenant, row.ReceivedMilli, row.Span, row.GenAI, &row.Cost)
		change.count(row, -1)
		spans.one(row)
		key := row.Tenant + row.Span.TraceID.String()
		if sums[key] == nil {
			sums[key] = &schema.TracePart{Tenant: row.Tenant, TraceID: row.Span.TraceID, PartDay: testDay, RetentionDays: 30, MinStart: testStart, MaxEnd: testStart, Log: testLog}
		}
		sums[key].CostNano += row.Cost.Nano
		sums[key].CostInputNano += row.Cost.Input
	}
	for _, p := range sums {
		parts.Append(p)
	}
	b.insert(t, spans, "t")
	if err := b.TraceParts().Insert(t.Context(), parts, "t", soon(), nil); err != nil {
		t.Fatal(err)
	}
	return want, change
}

// expectRepriced holds the tables to what they must say, to the nano-dollar.
func expectRepriced(t *testing.T, b *bundle, want []string) {
	t.Helper()
	got := strings.Split(b.query(t, "SELECT src_index, toInt128(toDecimal256(cost, 9) * 1000000000), cost_source, toInt128(toDecimal256(cost_computed, 9) * 1000000000), toInt128(toDecimal256(cost_input, 9) * 1000000000), price_version FROM spans ORDER BY src_index FORMAT TSV"), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-pricer +table):\n%.3000s", diff)
	}
	b.expect(t, "0", "SELECT count() FROM (SELECT tenant, trace_id, sum(cost) AS c, sum(cost_input) AS i FROM spans GROUP BY ALL) AS s"+
		" FULL JOIN (SELECT tenant, trace_id, sum(cost) AS c, sum(cost_input) AS i FROM trace_parts GROUP BY ALL) AS p USING (tenant, trace_id)"+
		" WHERE s.c != p.c OR s.i != p.i")
	b.expect(t, "0", "SELECT count() FROM reprice_spans")
}

// testRepricing: the SQL of a repricing prices as the writer does, by the books
// now, and says what it changed.
func testRepricing(t *testing.T, b *bundle) {
	before, after := repriceBooks(t)
	want, change := fillPriced(t, b, before, after)
	dry, err := b.Reprice(after, "", true).Day(t.Context(), testDay)
	if err != nil {
		t.Fatal(err)
	}
	job := b.Reprice(after, "", false)
	metrics := &metricsOnce{streamed: streamed{}}
	job.Metrics = metrics
	lines, err := job.Day(t.Context(), testDay)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dry, lines); diff != "" || len(lines) == 0 {
		t.Errorf("%d lines (-dry run +run):\n%s", len(lines), diff)
	}
	expectRepriced(t, b, want)
	again, err := job.Day(t.Context(), testDay)
	if err != nil || len(again) != 0 {
		t.Errorf("a second run changes %v, %v", again, err)
	}
	expectRepriced(t, b, want)
	metrics.expect(t, change)
}

// cutOff lets some requests through, then none: a process that was killed. The
// answer of the last one is lost.
type cutOff struct {
	http.RoundTripper
	left int
}

var errCutOff = errors.New("killed")

func (c *cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.left--; c.left < 0 {
		return nil, errCutOff
	}
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil && c.left == 0 {
		err = errors.Join(errCutOff, resp.Body.Close())
		resp = nil
	}
	return resp, err
}

// testRepricingKilled: wherever a repricing is killed, the next one finishes it,
// and no difference counts twice.
func testRepricingKilled(t *testing.T, b *bundle) {
	before, after := repriceBooks(t)
	want, change := fillPriced(t, b, before, after)
	metrics := &metricsOnce{streamed: streamed{}}
	whole := b.client.http.Transport
	for requests := 1; ; requests++ {
		killed := &cutOff{whole, requests}
		b.client.http.Transport = killed
		job := b.Reprice(after, "", false)
		job.Metrics = metrics
		_, err := job.Day(t.Context(), testDay)
		b.client.http.Transport = whole
		if err == nil {
			break
		}
		if !errors.Is(err, errCutOff) || requests > 100 {
			t.Fatalf("killed after %d requests: %v", requests, err)
		}
	}
	expectRepriced(t, b, want)
	metrics.expect(t, change)
}
