package live

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// The forms that Prometheus asks for.
const (
	formText        = "text/plain; version=0.0.4"
	formOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	formProtobuf    = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// tellAll adds something of every metric to every view.
func (d *door) tellAll(tenant string) {
	for _, v := range rollup.Views {
		for n := range int64(3) {
			var l []string
			for _, name := range v.Labels {
				value := fmt.Sprint(name, "\"\\\n", n)
				if name == "kind" {
					value = []string{"AGENT", "LLM", "TOOL"}[n]
				}
				if name == "state" {
					value = []string{"started", "completed", "failed"}[n]
				}
				if name == rollup.LabelHuman || name == rollup.LabelJudge {
					value = []string{rollup.VerdictPass, rollup.VerdictFail, rollup.VerdictPass}[n]
				}
				l = append(l, name, value)
			}
			for _, m := range v.Metrics {
				for i := range int64(50) {
					d.tell(tenant, v.Name, m, (n+1)*(i*i*i)*1e6, l...)
				}
			}
		}
	}
}

// parsed is what Prometheus's own parser makes of an exposition.
type parsed struct {
	samples map[string]float64
	native  map[string]*histogram.Histogram
	types   map[string]string
	created int
}

func parse(t *testing.T, body, form string) *parsed {
	t.Helper()
	p, err := textparse.New([]byte(body), form, labels.NewSymbolTable(), textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		t.Fatal(err)
	}
	out := &parsed{samples: map[string]float64{}, native: map[string]*histogram.Histogram{}, types: map[string]string{}}
	for {
		e, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		var l labels.Labels
		switch e {
		case textparse.EntryType:
			name, kind := p.Type()
			out.types[string(name)] = string(kind)
		case textparse.EntrySeries:
			_, _, v := p.Series()
			p.Labels(&l)
			out.samples[l.String()] = v
			if p.StartTimestamp() != 0 {
				out.created++
			}
		case textparse.EntryHistogram:
			_, _, h, _ := p.Histogram()
			p.Labels(&l)
			if err := h.Validate(); err != nil {
				t.Errorf("%s: %v", l, err)
			}
			out.native[l.String()] = h.Copy()
		case textparse.EntryInvalid, textparse.EntryHelp, textparse.EntryComment, textparse.EntryUnit:
		}
	}
}

func TestExpositionIsReadByPrometheus(t *testing.T) {
	d := openDoor(t, true)
	d.tellAll("acme")
	d.verdicts("relevance", "pass", "fail", 30)
	d.verdicts("relevance", "fail", "pass", 1)
	d.graded("relevance", "CODE", map[int64]int{0: 200})
	d.server.cfg.Tables = &lastWeek{of: rollup.MetricName{View: "assessment", Name: "score"}, series: []query.Series{scores("relevance", "CODE", map[int64]int{1e6: 200})}}
	forms := map[string]*parsed{}
	for _, form := range []string{formText, formOpenMetrics, formProtobuf} {
		status, body := d.get(t, d.acme, "/metrics", "Accept", form)
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		forms[form] = parse(t, body, form)
		if form == formText {
			problems, err := promlint.New(strings.NewReader(body)).Lint()
			if err != nil || len(problems) > 0 {
				t.Errorf("linter: %v, %v", problems, err)
			}
		}
	}
	want := map[string]bool{}
	for i := range families {
		want[families[i].name] = true
	}
	for name := range want {
		if forms[formText].types[name] == "" {
			t.Errorf("%s is not told", name)
		}
	}
	for series, v := range forms[formText].samples {
		if got, ok := forms[formProtobuf].samples[series]; !ok || got != v {
			t.Errorf("%s is %g as text and %g, %v in protobuf", series, v, got, ok)
		}
	}
	if n := len(forms[formProtobuf].native); n != 25 {
		t.Errorf("%d native histograms, want 25: those of all distributions", n)
	}
	if forms[formOpenMetrics].created == 0 {
		t.Error("OpenMetrics does not say when counters began")
	}
	for series, h := range forms[formProtobuf].native {
		if strings.Contains(series, "gen_ai_client_inference_duration_seconds") && (h.Count != 50 || h.ZeroCount != 1) {
			t.Errorf("%s: %v", series, h)
		}
	}
}

// TestNativeQuantiles: what Prometheus can tell of a native histogram is near
// what was observed.
func TestNativeQuantiles(t *testing.T) {
	t.Parallel()
	f := &family{scale: seconds, buckets: callBuckets}
	var p rollup.Partial
	for i := range int64(1000) {
		p.Measure(rollup.Of((i+1)*3e6, rollup.Once))
	}
	h := f.histogram(&p)
	if h.GetSampleCount() != 1000 || math.Abs(h.GetSampleSum()-0.003*500500) > 1e-6 {
		t.Errorf("%d observations of %g", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		exact := math.Min(1000, math.Floor(b.GetUpperBound()/0.003))
		if got := float64(b.GetCumulativeCount()); math.Abs(got-exact) > 0.011*exact+1 {
			t.Errorf("%g are up to %g, want %g", got, b.GetUpperBound(), exact)
		}
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		exact := math.Ceil(q*1000) * 0.003
		low, high := nativeBucket(h, uint64(math.Ceil(q*1000)))
		if exact < low*(1-2*rollup.QuantileError) || exact > high*(1+2*rollup.QuantileError) {
			t.Errorf("quantile %g is in (%g, %g], exactly %g", q, low, high, exact)
		}
	}
}

// nativeBucket gives the bounds of the bucket that the n-th observation is in.
func nativeBucket(h *dto.Histogram, n uint64) (low, high float64) {
	seen, count, delta, index := h.GetZeroCount(), int64(0), 0, int32(0)
	for _, s := range h.GetPositiveSpan() {
		index += s.GetOffset()
		for range s.GetLength() {
			count += h.GetPositiveDelta()[delta]
			delta++
			if seen += uint64(count); seen >= n {
				return math.Exp2(float64(index-1) / (1 << nativeSchema)), math.Exp2(float64(index) / (1 << nativeSchema))
			}
			index++
		}
	}
	return 0, 0
}

func TestExpositionIsBounded(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.MaxExposed = 10
	d := &door{store: New(cfg)}
	d.store.Advance(time.Now())
	for i := range 30 {
		d.tell("acme", "service", "spans", 1, "service", fmt.Sprint(i))
	}
	count := func(at time.Time) (series int, omitted float64) {
		for _, f := range d.store.Families("acme", at, Exposing{}) {
			if f.GetName() == omittedName {
				omitted = f.GetMetric()[0].GetGauge().GetValue()
				continue
			}
			series += len(f.GetMetric())
		}
		return series, omitted
	}
	if series, omitted := count(time.Now()); series != 10 || omitted != 20 {
		t.Errorf("%d series are told and %g omitted, want 10 and 20", series, omitted)
	}
	if series, omitted := count(time.Now().Add(2 * time.Hour)); series != 0 || omitted != 0 {
		t.Errorf("two hours later %d series are told and %g omitted, want none: nothing was added", series, omitted)
	}
}
