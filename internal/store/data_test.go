package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

const (
	testLog   = "000102030405060708090a0b0c0d0e0f/0"
	testDay   = 20_779 // 2026-11-22
	testStart = uint64(testDay) * 86_400 * 1e9
)

// corpus makes rows as production does: a trace of eight spans, forty spans a
// record, twelve attributes, text that does not compress absurdly well.
type corpus struct {
	rnd   *rand.Rand
	words []string
	n     int
	res   schema.Resource
	scope schema.Scope
}

func newCorpus(seed uint64) *corpus {
	c := &corpus{rnd: rand.New(rand.NewPCG(seed, 1))}
	for range 4000 {
		word := make([]byte, 2+c.rnd.IntN(9))
		for i := range word {
			word[i] = byte('a' + c.rnd.IntN(26))
		}
		c.words = append(c.words, string(word))
	}
	str := func(k, v string) schema.Attr {
		return schema.Attr{Key: k, Value: schema.Value{Type: schema.ValueString, Str: v}}
	}
	c.res.Attrs = []schema.Attr{
		str("service.name", "checkout"), str("service.version", "1.4.2"), str("deployment.environment", "prod"),
		str("telemetry.sdk.language", "python"), str("telemetry.sdk.name", "opentelemetry"),
		str("telemetry.sdk.version", "1.39.0"), str("host.name", "node-17"), str("k8s.pod.name", "checkout-5f9c7b-x2x9q"),
	}
	c.scope = schema.Scope{Name: "opentelemetry.instrumentation.openai", Version: "0.48"}
	return c
}

func (c *corpus) text(bytes int) string {
	var b strings.Builder
	for b.Len() < bytes {
		b.WriteString(c.words[c.rnd.IntN(len(c.words))])
		b.WriteByte(' ')
	}
	return b.String()
}

// row makes the next row. Times advance by a millisecond a span.
func (c *corpus) row() *schema.SpanRow {
	i := c.n
	c.n++
	var trace schema.TraceID
	binary.BigEndian.PutUint64(trace[:], uint64(i/8)*0x9e3779b97f4a7c15+1)
	binary.BigEndian.PutUint64(trace[8:], uint64(i/8)*0xbf58476d1ce4e5b9)
	var id, parent schema.SpanID
	binary.BigEndian.PutUint64(id[:], c.rnd.Uint64()|1)
	if i%8 != 0 {
		binary.BigEndian.PutUint64(parent[:], uint64(i/8)*0x94d049bb133111eb+7)
	}
	start := testStart + uint64(i)*1e6 + uint64(c.rnd.IntN(1e6))
	s := &schema.Span{
		Resource: &c.res, Scope: &c.scope, TraceID: trace, SpanID: id, ParentSpanID: parent,
		Name: [...]string{"chat", "retrieve", "tool.search", "agent"}[i%4], Kind: 1 + int32(i%3),
		StartUnixNano: start, EndUnixNano: start + uint64(c.rnd.IntN(3e9)), StatusCode: int32(i % 2), Index: uint32(i % 40),
	}
	g := &schema.GenAI{
		Kind: [...]string{"LLM", "RETRIEVER", "TOOL", "AGENT"}[i%4], Operation: "chat", Provider: "openai",
		Model: "gpt-5-mini", RequestModel: "gpt-5-mini", ResponseModel: "gpt-5-mini-2026-03-01", Billable: true,
		InputTokens: schema.Count{N: uint64(c.rnd.IntN(4000)), Set: true}, OutputTokens: schema.Count{N: uint64(c.rnd.IntN(900)), Set: true},
		SessionID: fmt.Sprintf("s-%d", i/64), UserID: fmt.Sprintf("u-%d", c.rnd.IntN(5000)), ServiceName: "checkout",
		Environment: "prod", Family: "otel_genai", Input: c.text(300), Output: c.text(250), InputAttr: 0, OutputAttr: 1,
		InputKey: "gen_ai.input.messages", OutputKey: "gen_ai.output.messages",
	}
	s.Attrs = c.attrs(g)
	return &schema.SpanRow{
		Span: s, GenAI: g, Tenant: "default", ExperimentID: "0", ReceivedMilli: int64(start/1e6) + 3000,
		PartDay: testDay, RetentionDays: 30, Log: testLog, Partition: 3, Offset: int64(i / 40),
	}
}

func (c *corpus) attrs(g *schema.GenAI) []schema.Attr {
	str := func(k, v string) schema.Attr {
		return schema.Attr{Key: k, Value: schema.Value{Type: schema.ValueString, Str: v}}
	}
	num := func(k string, v int) schema.Attr {
		return schema.Attr{Key: k, Value: schema.Value{Type: schema.ValueInt, Num: uint64(v)}}
	}
	return []schema.Attr{
		str(g.InputKey, g.Input), str(g.OutputKey, g.Output),
		str("gen_ai.operation.name", "chat"), str("gen_ai.provider.name", "openai"),
		str("gen_ai.request.model", g.RequestModel), str("gen_ai.response.model", g.ResponseModel),
		num("gen_ai.usage.input_tokens", int(g.InputTokens.N)), num("gen_ai.usage.output_tokens", int(g.OutputTokens.N)),
		str("gen_ai.conversation.id", g.SessionID), str("user.id", g.UserID),
		str("gen_ai.response.id", fmt.Sprintf("chatcmpl-%x", c.rnd.Uint64())),
		{Key: "gen_ai.request.temperature", Value: schema.Value{Type: schema.ValueBool, Num: 1}},
	}
}

// one appends a row.
func (b *SpanBlock) one(r *schema.SpanRow) { b.Append([]schema.SpanRow{*r}) }

// block fills a block with rows.
func (c *corpus) block(rows int) *SpanBlock {
	b := NewSpanBlock()
	for range rows {
		b.one(c.row())
	}
	return b
}
