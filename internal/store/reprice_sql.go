package store

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/pricing"
	"github.com/spanmill/spanmill/pkg/schema"
)

// priceGroup is what the price of spans depends on, besides their tokens.
type priceGroup struct {
	tenant, provider, model, tier string
	epoch                         int // how many of the books' changes lie before
}

// noRate stands for a rate that is not known.
const noRate = math.MaxUint64

// tariff is the SQL that prices spans as pricing.Pricer does: the same matches,
// found by it, and the same arithmetic, in 256 bits. It depends on the span's own
// columns only, so that every replica that runs it gets the same.
type tariff struct {
	groups  string // a span's group, as SQL
	rates   []string
	version []string
	prefer  []priceGroup
}

// newTariff prices the groups. changes are the moments that epochs lie between.
func newTariff(books *pricing.Books, groups []priceGroup, changes []time.Time) *tariff {
	t := &tariff{groups: groupSQL(changes)}
	bySchedule := make(map[string][]priceGroup)
	byVersion := make(map[string][]priceGroup)
	for _, g := range groups {
		at := time.UnixMilli(0).Add(-time.Hour)
		if g.epoch > 0 {
			at = changes[g.epoch-1]
		}
		m := books.Find(pricing.Call{Tenant: g.tenant, Provider: g.provider, Model: g.model, Tier: g.tier, At: at}, nil)
		if m.PreferReported {
			t.prefer = append(t.prefer, g)
		}
		if m.Why != pricing.Priced {
			continue
		}
		byVersion[m.Version] = append(byVersion[m.Version], g)
		for _, b := range slices.Backward(m.Schedule.Brackets) {
			key := fmt.Sprintf("ifNull(input_tokens, 0) > %d, %s", b.Above, ratesSQL(b, m.Schedule.RequestNano))
			if b.Above == 0 {
				key = "1, " + ratesSQL(b, m.Schedule.RequestNano)
			}
			bySchedule[key] = append(bySchedule[key], g)
		}
	}
	t.rates, t.version = t.choices(bySchedule), t.versions(byVersion)
	return t
}

// groupSQL gives a span's priceGroup as a tuple.
func groupSQL(changes []time.Time) string {
	var moments []string
	for _, at := range changes {
		moments = append(moments, fmt.Sprint(at.UnixMilli()))
	}
	return fmt.Sprintf("(toString(tenant), toString(provider), toString(model), if(is_batch, 'batch', toString(service_tier)), arrayCount(x -> x <= toUnixTimestamp64Milli(received_at), [%s]::Array(Int64)))",
		strings.Join(moments, ", "))
}

func (g priceGroup) sql() string {
	return fmt.Sprintf("(%s, %s, %s, %s, %d)", quote(g.tenant), quote(g.provider), quote(g.model), quote(g.tier), g.epoch)
}

// in tells whether a span is of one of the groups.
func (t *tariff) in(groups []priceGroup) string {
	if len(groups) == 0 {
		return "0"
	}
	texts := make([]string, len(groups))
	for i, g := range groups {
		texts[i] = g.sql()
	}
	slices.Sort(texts)
	return t.groups + " IN (" + strings.Join(slices.Compact(texts), ", ") + ")"
}

// choices are branches of a multiIf. Those for longer inputs come first.
func (t *tariff) choices(by map[string][]priceGroup) []string {
	keys := make([]string, 0, len(by))
	for k := range by {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if d := aboveOf(b) - aboveOf(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var out []string
	for _, k := range keys {
		when, rates, _ := strings.Cut(k, ", [")
		out = append(out, fmt.Sprintf("%s AND %s, [%s", when, t.in(by[k]), rates))
	}
	return out
}

func aboveOf(key string) (above int) {
	_, _ = fmt.Sscanf(key, "ifNull(input_tokens, 0) > %d", &above) // 0 for the others
	return above
}

func (t *tariff) versions(by map[string][]priceGroup) (out []string) {
	for version, groups := range by {
		out = append(out, fmt.Sprintf("%s, %s", t.in(groups), quote(version)))
	}
	slices.Sort(out)
	return out
}

// ratesSQL are a bracket's rates by unit, and the price of a call behind them.
func ratesSQL(b pricing.Bracket, request uint64) string {
	var rates [pricing.Units]uint64
	for u := range pricing.Units {
		rates[u] = noRate
		if atto, ok := b.Rates.Of(u); ok && !b.Unpriced {
			rates[u] = atto
		}
	}
	texts := make([]string, 0, pricing.Units+2)
	for _, r := range rates {
		texts = append(texts, fmt.Sprint(r))
	}
	known := 1
	if b.Unpriced {
		known = 0
	}
	return fmt.Sprintf("[%s, %d, %d]::Array(UInt64)", strings.Join(texts, ", "), request, known)
}

// partsSQL is pricing.Usage.Parts: the tokens of each unit, in the units' order.
func partsSQL() string {
	count := func(column string) string { return "toInt256(ifNull(" + column + ", 0))" }
	in, out := count("input_tokens"), count("output_tokens")
	read := fmt.Sprintf("least(%s, %s)", count("cache_read_tokens"), in)
	written := fmt.Sprintf("least(%s, %s - %s)", count("cache_write_tokens"), in, read)
	hour := fmt.Sprintf("least(%s, %s)", count("cache_write_1h_tokens"), written)
	heard := fmt.Sprintf("least(%s, %s - %s - %s)", count("audio_input_tokens"), in, read, written)
	thought := fmt.Sprintf("least(%s, %s)", count("reasoning_tokens"), out)
	spoken := fmt.Sprintf("least(%s, %s - %s)", count("audio_output_tokens"), out, thought)
	parts := [pricing.Units]string{
		pricing.Input:      fmt.Sprintf("%s - %s - %s - %s", in, read, written, heard),
		pricing.Output:     fmt.Sprintf("%s - %s - %s", out, thought, spoken),
		pricing.CacheRead:  read,
		pricing.CacheWrite: fmt.Sprintf("%s - %s", written, hour), pricing.CacheWrite1h: hour,
		pricing.Reasoning: thought, pricing.AudioInput: heard, pricing.AudioOutput: spoken,
	}
	return "[" + strings.Join(parts[:], ", ") + "]"
}

// computed is a span's cost by the books, Nullable(Decimal(18, 9)).
func (t *tariff) computed() string { return t.sum("p") }

// computedInput is what of it is for input, Decimal(18, 9).
func (t *tariff) computedInput() string {
	var ofInput [pricing.Units]string
	for u := range pricing.Units {
		ofInput[u] = "1"
		if u.OfOutput() {
			ofInput[u] = "0"
		}
	}
	return fmt.Sprintf("assumeNotNull(ifNull(%s, CAST(0 AS Decimal(18, 9))))", t.sum("arrayMap((n, i) -> n * i, p, ["+strings.Join(ofInput[:], ", ")+"])"))
}

// sum charges for tokens, an array by unit, of which p has all, and for the call.
func (t *tariff) sum(tokens string) string {
	if len(t.rates) == 0 {
		return "CAST(NULL AS Nullable(Decimal(18, 9)))"
	}
	const (
		units    = int(pricing.Units)
		perNano  = 1_000_000_000
		halfNano = perNano / 2
	)
	rates := fmt.Sprintf("multiIf(%s, []::Array(UInt64))", strings.Join(t.rates, ", "))
	// Lambdas name what is used more than once: an UPDATE has no WITH.
	total := fmt.Sprintf("arraySum(arrayMap((n, r) -> n * toInt256(r), %s, arraySlice(r9, 1, %d))) + toInt256(r9[%d]) * %d", tokens, units, units+1, perNano)
	nano := fmt.Sprintf("intDiv(s + %d + intDiv(s, %d) %% 2, %d)", halfNano-1, perNano, perNano)
	usable := fmt.Sprintf("usage_billable AND notEmpty(r9) AND r9[%d] = 1 AND (isNotNull(input_tokens) OR isNotNull(output_tokens) OR r9[%d] > 0 AND status != 'ERROR')"+
		" AND NOT arrayExists((n, r) -> n > 0 AND r = %d, p, arraySlice(r9, 1, %d))", units+2, units+1, uint64(noRate), units)
	dollars := fmt.Sprintf("CAST(toDecimal256(least(arrayMap(s -> %s, [%s])[1], toInt256(%d)), 9) / toDecimal256(%d, 0) AS Decimal(18, 9))", nano, total, int64(schema.MaxCostNano), perNano)
	return fmt.Sprintf("arrayMap((p, r9) -> if(%s, CAST(%s AS Nullable(Decimal(18, 9))), NULL), [%s], [%s])[1]",
		usable, dollars, partsSQL(), rates)
}

// versionOf is the book that prices a span's group.
func (t *tariff) versionOf() string {
	if len(t.version) == 0 {
		return "''"
	}
	return fmt.Sprintf("multiIf(%s, '')", strings.Join(t.version, ", "))
}

// chosen are cost, cost_source and price_version of a span whose cost by the
// books is in a column called computed and their version in one called version:
// schema.Cost.Choose as SQL.
func (t *tariff) chosen(computed, version string) (cost, source, book string) {
	reported := fmt.Sprintf("isNotNull(cost_reported) AND (%s OR isNull(%s))", t.in(t.prefer), computed)
	cost = fmt.Sprintf("CAST(if(%s, ifNull(cost_reported, 0), ifNull(%s, 0)) AS Decimal(18, 9))", reported, computed)
	source = fmt.Sprintf("multiIf(%s, if(cost_itemised, '%s', '%s'), isNotNull(%s), '%s', '%s')",
		reported, schema.CostReportedDetail, schema.CostReportedTotal, computed, schema.CostComputed, schema.CostNone)
	book = fmt.Sprintf("if(isNull(%s), '', %s)", computed, version)
	return cost, source, book
}
