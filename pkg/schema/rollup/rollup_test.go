package rollup_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// contribution is one thing that may be done to a partial.
type contribution struct {
	kind   int
	value  int64
	weight rollup.Weight
}

func (c contribution) add(p *rollup.Partial) {
	switch c.kind {
	case 0:
		p.Observe(rollup.Of(c.value, c.weight))
	case 1:
		p.Measure(rollup.Of(c.value, c.weight))
	case 2:
		p.Correct(rollup.Of(c.value, c.weight))
	case 3:
		p.Retract(rollup.Of(c.value, c.weight))
	default:
		p.Distinct.Add(rollup.RegisterOf(fmt.Sprint(c.value)))
	}
}

var contributions = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) contribution {
	return contribution{
		rapid.IntRange(0, 4).Draw(t, "kind"),
		rapid.OneOf(rapid.Int64(), rapid.Int64Range(-50, 50)).Draw(t, "value"),
		rapid.SampledFrom([]rollup.Weight{rollup.Once, 4 * rollup.Once, 3_333_333, 1}).Draw(t, "weight"),
	}
}), 0, 40)

func sum(cs []contribution) *rollup.Partial {
	p := new(rollup.Partial)
	for _, c := range cs {
		c.add(p)
	}
	return p
}

func merged(a, b *rollup.Partial) *rollup.Partial {
	p := new(rollup.Partial)
	p.Merge(a)
	p.Merge(b)
	return p
}

// same compares what partials mean: bounds count while they are set, empty is
// empty.
func same(t *rapid.T, what string, a, b *rollup.Partial) {
	t.Helper()
	x, y := *a, *b
	x.Hist, y.Hist = append(rollup.Histogram{}, x.Hist...), append(rollup.Histogram{}, y.Hist...)
	x.Distinct, y.Distinct = append(rollup.Distinct{}, x.Distinct...), append(rollup.Distinct{}, y.Distinct...)
	if diff := cmp.Diff(x, y); diff != "" {
		t.Fatalf("%s:\n%s", what, diff)
	}
}

// TestMergeHasNoOrder: in whatever order contributions come, in whatever groups
// they are summed and merged, the result is the same.
func TestMergeHasNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y, z := contributions.Draw(t, "x"), contributions.Draw(t, "y"), contributions.Draw(t, "z")
		a, b, c := sum(x), sum(y), sum(z)
		same(t, "a+b is not b+a", merged(a, b), merged(b, a))
		same(t, "(a+b)+c is not a+(b+c)", merged(merged(a, b), c), merged(a, merged(b, c)))
		same(t, "a+0 is not a", merged(a, new(rollup.Partial)), a)
		all := slices.Concat(x, y, z)
		shuffled := rapid.Permutation(all).Draw(t, "shuffled")
		same(t, "merged is not added at once", merged(merged(a, b), c), sum(shuffled))
	})
}

func TestRetractionUndoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := sum(contributions.Draw(t, "before"))
		before := merged(p, new(rollup.Partial))
		v, w := rapid.Int64Range(-rollup.MaxValue, rollup.MaxValue).Draw(t, "value"), rapid.SampledFrom([]rollup.Weight{rollup.Once, 7}).Draw(t, "weight")
		p.Retract(rollup.Of(v, w)) // it may come before what it takes back
		p.Measure(rollup.Of(v, w))
		p.Min, p.Max, p.Bounded = before.Min, before.Max, before.Bounded
		same(t, "something is left", before, p)
	})
}

// TestWeighted holds the weighted sum to arithmetic without bounds.
func TestWeighted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-rollup.MaxValue, rollup.MaxValue).Draw(t, "value")
		w := rapid.Int64Range(1, 1_000_000_000).Draw(t, "weight")
		var p rollup.Partial
		p.Observe(rollup.Of(v, rollup.Weight(w)))
		want := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(v), big.NewInt(w)), big.NewInt(1_000_000))
		off := new(big.Rat).Sub(want, new(big.Rat).SetInt64(p.Estimated))
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
			t.Fatalf("%d × %d/1e6 is %s, not %d", v, w, want.FloatString(3), p.Estimated)
		}
		if p.Weight != w || p.Count != 1 || p.Sum != v {
			t.Fatalf("%+v", p)
		}
	})
	var half rollup.Partial
	half.Observe(rollup.Of(1, 500_000))
	half.Observe(rollup.Of(3, 500_000))
	if half.Estimated != 2 { // 0.5 and 1.5, to even
		t.Errorf("halves add up to %d", half.Estimated)
	}
}

func TestBucketsHoldTheirError(t *testing.T) {
	check := func(v int64) {
		t.Helper()
		got := rollup.BucketValue(rollup.BucketOf(v))
		if v == 0 && got != 0 || math.Abs(got-float64(v)) > rollup.QuantileError*math.Abs(float64(v)) {
			t.Fatalf("%d is shown as %f", v, got)
		}
	}
	for v := range int64(100_000) {
		check(v)
		check(-v)
	}
	for shift := range 63 {
		for _, near := range []int64{-1, 0, 1} {
			check(1<<shift + near)
			check(-(1<<shift + near))
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	last := int16(math.MinInt16)
	values := make([]int64, 200_000)
	for i := range values {
		values[i] = int64(rng.Uint64()) >> rng.IntN(64)
		check(values[i])
	}
	slices.Sort(values)
	for _, v := range values {
		if b := rollup.BucketOf(v); b < last {
			t.Fatalf("%d is in bucket %d, a smaller one in %d", v, b, last)
		} else {
			last = b
		}
	}
	if a, b := rollup.BucketOf(math.MinInt64), rollup.BucketOf(math.MaxInt64); a != -2018 || b != 2015 {
		t.Errorf("the ends are in %d and %d", a, b)
	}
}

func TestQuantilesHoldTheirError(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for name, draw := range map[string]func() int64{
		"uniform":    func() int64 { return rng.Int64N(1e12) },
		"log-normal": func() int64 { return int64(math.Exp(18 + 2*rng.NormFloat64())) },
		"two peaks":  func() int64 { return []int64{1e6, 3e10}[rng.IntN(2)] + rng.Int64N(1000) },
		"few":        func() int64 { return rng.Int64N(4) },
	} {
		var h rollup.Histogram
		values := make([]int64, 20_001)
		for i := range values {
			values[i] = draw()
			h.Add(rollup.BucketOf(values[i]), 1)
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
			want := float64(values[max(1, int(math.Ceil(q*float64(len(values)))))-1])
			if got, ok := h.Quantile(q); !ok || math.Abs(got-want) > rollup.QuantileError*want {
				t.Errorf("%s: quantile %g is %f, exactly %f", name, q, got, want)
			}
		}
	}
	var spread rollup.Histogram
	for v := range int64(1000) {
		spread.Add(rollup.BucketOf(1000*v), 1)
	}
	if got, want := spread.Variance(), (1e6*1e6-1)/12.0; math.Abs(got-want) > 2*rollup.QuantileError*want {
		t.Errorf("variance %g, want %g", got, want)
	}
	if got := new(rollup.Histogram).Variance(); got != 0 {
		t.Errorf("variance of nothing: %g", got)
	}
	if v, ok := new(rollup.Histogram).Quantile(0.5); ok {
		t.Errorf("the median of nothing is %f", v)
	}
}

// TestDistinctHoldsItsError: over the sets of a size, the errors' root mean
// square is at most what is stated, and none is beyond four times of it.
func TestDistinctHoldsItsError(t *testing.T) {
	for _, n := range []int{1, 10, 100, 1000, 5_000, 10_000, 20_000, 60_000} {
		square, sets := 0.0, 24
		for set := range sets {
			var a, b rollup.Distinct
			for i := range n {
				v := rollup.RegisterOf(strconv.Itoa(set*1_000_000 + i))
				if a.Add(v); i%3 == 0 {
					b.Add(v)
				}
			}
			a.Merge(b)
			off := a.Estimate()/float64(n) - 1
			if square += off * off; math.Abs(off) > 4*rollup.DistinctError {
				t.Errorf("%d values of set %d are estimated as %f", n, set, a.Estimate())
			}
		}
		// The root mean square of 24 draws is itself within two fifths of its mean.
		if got := math.Sqrt(square / float64(sets)); got > 1.4*rollup.DistinctError {
			t.Errorf("%d values: error %.4f, stated %.4f", n, got, rollup.DistinctError)
		}
	}
}

func TestPaneOf(t *testing.T) {
	for nano, want := range map[uint64]int64{
		0: 0, 9_999_999_999: 0, 10_000_000_000: 10, 1_764_000_019_999_999_999: 1_764_000_010, math.MaxUint64: 18446744070,
	} {
		if got := rollup.PaneOf(nano); got != want {
			t.Errorf("%d is in pane %d, want %d", nano, got, want)
		}
	}
}

func example() []rollup.Rollup {
	var latency, tokens, users, fix rollup.Partial
	for _, v := range []int64{0, 1, 1_000_000, 2_000_000_000, 2_010_000_000} {
		latency.Measure(rollup.Of(v, rollup.Once))
	}
	tokens.Observe(rollup.Of(1200, 4*rollup.Once))
	users.Distinct.Add(rollup.RegisterOf("alice"))
	users.Distinct.Add(rollup.RegisterOf("bob"))
	fix.Correct(rollup.Of(-5_000_000, rollup.Once))
	return []rollup.Rollup{
		{
			Series: rollup.Series{Tenant: "acme", View: "model", Labels: []rollup.Label{{Name: "provider", Value: "openai"}, {Name: "model", Value: "größer"}}},
			Panes: []rollup.Pane{
				{Start: 1_764_000_010, Metrics: []rollup.Metric{{Name: "latency", Partial: latency}, {Name: "input_tokens", Partial: tokens}}},
				{Start: 0, Metrics: []rollup.Metric{{Name: "users", Partial: users}}},
			},
		},
		{
			Series: rollup.Series{Tenant: "", View: "tenant", Eval: true},
			Panes:  []rollup.Pane{{Start: 1_764_000_000, Metrics: []rollup.Metric{{Name: "self_time", Partial: fix}}}},
		},
	}
}

func encode(rs []rollup.Rollup) []byte {
	b := rollup.AppendHeader(nil)
	for i := range rs {
		b = rollup.Append(b, &rs[i])
	}
	return b
}

func decode(b []byte) (out []rollup.Rollup, err error) {
	err = rollup.Decode(b, func(r *rollup.Rollup) error {
		out = append(out, *r)
		return nil
	})
	return out, err
}

// golden is a record of version 1: it must decode to the same for ever.
const golden = "0195a461636d65a56d6f64656c0094a870726f7669646572a66f70656e6169a56d6f64656ca86772c3b6c39f65729292ce0a83a6819297a76c6174656e63790505ceef1300c100ce77ce2a8098ff010001cd027d01cd03dc0298ac696e7075745f746f6b656e730301cd04b0cd04b0cd04b0ce003d0900cd12c092009195a5757365727308000094cd073a03cd09280295a0a674656e616e7401909192ce0a83a6809194a973656c665f74696d650000d2ffb3b4c0"

func TestGoldenBytes(t *testing.T) {
	if got := hex.EncodeToString(encode(example())); got != golden {
		t.Errorf("encoded:\n%s\nwant:\n%s", got, golden)
	}
	b, err := hex.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := encode(example())
	for n := range len(good) - 1 {
		if _, err := decode(good[:n+1]); err == nil && n > 0 && n+1 < len(good) {
			// A record that ends between two rollups is a shorter record.
			if first := len(encode(example()[:1])); n+1 != first {
				t.Errorf("%d bytes of %d decode", n+1, len(good))
			}
		}
	}
	for name, b := range map[string][]byte{
		"empty": nil, "version 2": {2}, "no rollup": {1, 0xc0}, "array too long": {1, 0xdd, 0xff, 0xff, 0xff, 0xff},
		"six fields": {1, 0x96}, "eval is 2": {1, 0x95, 0xa0, 0xa0, 2}, "odd labels": {1, 0x95, 0xa0, 0xa0, 0, 0x91, 0xa0},
	} {
		if got, err := decode(b); err == nil {
			t.Errorf("%s decodes to %v", name, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(example()))
	f.Add([]byte{1})
	f.Add([]byte{1, 0x95, 0xa0, 0xa0, 0, 0x90, 0x91, 0x92, 0, 0x91, 0x95, 0xa1, 'm', 4, 0, 0, 0x92, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(encode(rs))
		if err != nil {
			t.Fatalf("encoded anew it does not decode: %v", err)
		}
		if diff := cmp.Diff(rs, again); diff != "" {
			t.Fatalf("encoded anew it is another (-first +again):\n%s", diff)
		}
	})
}

// TestScannerForgets: what a scanner gives of a record has nothing of those
// before it, and costs no memory in a steady stream.
func TestScannerForgets(t *testing.T) {
	s := new(rollup.Scanner)
	few := []rollup.Rollup{{
		Series: rollup.Series{Tenant: "t", View: "v"},
		Panes:  []rollup.Pane{{Start: 10, Metrics: []rollup.Metric{{Name: "m", Partial: rollup.Partial{Count: 1, Weight: int64(rollup.Once)}}}}},
	}}
	for i, want := range [][]rollup.Rollup{example(), few, example(), few} {
		n := 0
		err := s.Scan(encode(want), func(got *rollup.Rollup) error {
			if diff := cmp.Diff(want[n], *got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("record %d, rollup %d (-want +got):\n%s", i, n, diff)
			}
			n++
			return nil
		})
		if err != nil || n != len(want) {
			t.Errorf("record %d: %d rollups, %v", i, n, err)
		}
	}
	value := encode(example())
	if n := testing.AllocsPerRun(100, func() { _ = s.Scan(value, func(*rollup.Rollup) error { return nil }) }); n > 3 {
		t.Errorf("a record costs %g allocations", n)
	}
}

// TestAddAllocs: in a steady stream, contributions cost no memory.
func TestAddAllocs(t *testing.T) {
	var p rollup.Partial
	values := []int64{0, 1, 999, 123_456_789, -5}
	add := func() {
		for _, v := range values {
			p.Measure(rollup.Of(v, rollup.Once))
			p.Observe(rollup.Of(v, 2*rollup.Once))
			p.Correct(rollup.Of(v, rollup.Once))
		}
		p.Distinct.Add(rollup.RegisterOf("alice"))
		p.Reset()
	}
	add()
	if n := testing.AllocsPerRun(100, add); n != 0 {
		t.Errorf("%f allocations", n)
	}
	buf := make([]byte, 0, 1<<10)
	rs := example()
	if n := testing.AllocsPerRun(100, func() { buf = rollup.Append(buf[:0], &rs[0]) }); n != 0 {
		t.Errorf("encoding: %f allocations", n)
	}
}

func BenchmarkMeasure(b *testing.B) {
	var p rollup.Partial
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]rollup.Observation, 1024)
	for i := range values {
		values[i] = rollup.Of(int64(math.Exp(18+rng.NormFloat64())), rollup.Once)
	}
	b.ReportAllocs()
	for i := range b.N {
		p.Measure(values[i&1023])
	}
}
