package otlp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// genAITraces makes one resource and scope of n spans, 8 to a trace, each with
// 12 attributes and about 1.1 kB, as a GenAI SDK sends them.
func genAITraces(n int) ptrace.Traces {
	rng := rand.New(rand.NewPCG(1, 2))
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout-assistant")
	rs.Resource().Attributes().PutStr("telemetry.sdk.language", "python")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("opentelemetry.instrumentation.openai")
	ss.Scope().SetVersion("0.40.0")
	var trace [16]byte
	for i := range n {
		if i%8 == 0 {
			binary.LittleEndian.PutUint64(trace[:], rng.Uint64()|1)
			binary.LittleEndian.PutUint64(trace[8:], rng.Uint64())
		}
		var id [8]byte
		binary.LittleEndian.PutUint64(id[:], rng.Uint64()|1)
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(trace)
		s.SetSpanID(id)
		if i%8 != 0 {
			s.SetParentSpanID(pcommon.SpanID{1, 2, 3, 4, 5, 6, 7, byte(i)})
		}
		s.SetName("chat gpt-4o-mini")
		s.SetKind(ptrace.SpanKindClient)
		s.SetStartTimestamp(1_760_000_000_000_000_000)
		s.SetEndTimestamp(1_760_000_001_000_000_000)
		a := s.Attributes()
		a.PutStr("gen_ai.operation.name", "chat")
		a.PutStr("gen_ai.provider.name", "openai")
		a.PutStr("gen_ai.request.model", "gpt-4o-mini")
		a.PutStr("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
		a.PutInt("gen_ai.usage.input_tokens", rng.Int64N(4000))
		a.PutInt("gen_ai.usage.output_tokens", rng.Int64N(900))
		a.PutDouble("gen_ai.request.temperature", 0.2)
		a.PutStr("session.id", fmt.Sprintf("session-%d", rng.Int64N(1e6)))
		a.PutStr("user.id", fmt.Sprintf("user-%d", rng.Int64N(1e5)))
		a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
		a.PutStr("gen_ai.input.messages", words(rng, 330))
		a.PutStr("gen_ai.output.messages", words(rng, 180))
		s.Status().SetCode(ptrace.StatusCodeOk)
	}
	return td
}

func words(rng *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "%x ", rng.Uint32()>>8)
	}
	return b.String()[:n]
}

func request(tb testing.TB, td ptrace.Traces) []byte {
	tb.Helper()
	b, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// perSpan runs f and reports what it costs for each of n spans. cpu-ns/span is
// the process's CPU time: it holds on a machine that others use too.
func perSpan(b *testing.B, n int, body []byte, f func() error) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	start := cpuTime(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	spans := float64(b.N) * float64(n)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/spans, "ns/span")
	b.ReportMetric(float64(cpuTime(b)-start)/spans, "cpu-ns/span")
	b.ReportMetric(float64(len(body))/float64(n), "B/span")
}

func cpuTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkSplit(b *testing.B) {
	body := request(b, genAITraces(200))
	s := NewSplitter(Limits{})
	perSpan(b, 200, body, func() error { return s.Split(body, 12) })
}

// BenchmarkWalk is the validation alone, which Split and Decode share.
func BenchmarkWalk(b *testing.B) {
	body := request(b, genAITraces(200))
	perSpan(b, 200, body, func() error {
		w := walker{src: alias(body)}
		return w.walk(msgRequest, 0, len(body), 0)
	})
}

func BenchmarkDecode(b *testing.B) {
	body := request(b, genAITraces(200))
	var d Decoder
	perSpan(b, 200, body, func() error {
		_, err := d.Decode(body)
		return err
	})
}

func BenchmarkFromJSON(b *testing.B) {
	body := requestJSON(b)
	var dst []byte
	perSpan(b, 200, body, func() (err error) {
		dst, err = FromJSON(dst[:0], body)
		return err
	})
}

func BenchmarkAppendAttrsJSON(b *testing.B) {
	body := request(b, genAITraces(200))
	var d Decoder
	spans, err := d.Decode(body)
	if err != nil {
		b.Fatal(err)
	}
	var dst []byte
	perSpan(b, 200, body, func() error {
		for i := range spans {
			dst = AppendAttrsJSON(dst[:0], spans[i].Attrs)
		}
		return nil
	})
}

func BenchmarkPdata(b *testing.B) {
	body := request(b, genAITraces(200))
	perSpan(b, 200, body, func() error { return ptraceotlp.NewExportRequest().UnmarshalProto(body) })
}

func BenchmarkPdataJSON(b *testing.B) {
	body := requestJSON(b)
	perSpan(b, 200, body, func() error { return ptraceotlp.NewExportRequest().UnmarshalJSON(body) })
}

func requestJSON(b *testing.B) []byte {
	b.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(genAITraces(200)).MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	return body
}
