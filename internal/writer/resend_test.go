package writer

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/pipeline"
)

// sight is one span of a drawn log: by Rule D it is the span and its record's
// time that count.
type sight struct {
	id    byte
	milli int64
}

// ruleD is the rule as docs/exactly-once.md has it.
func ruleD(log []sight, c dedup.Config) (fresh []bool) {
	for n, s := range log {
		last := -1
		for m := range n {
			if log[m].id == s.id {
				last = m
			}
		}
		fresh = append(fresh, last < 0 || n-last > c.Spans || s.milli-log[last].milli > c.Horizon.Milliseconds())
	}
	return fresh
}

// TestRuleDIsAFunctionOfTheLog: whatever offset a stage is warmed from, as long
// as K spans or the whole log lie between, and wherever batches are cut, it
// stores the rows that the rule says. Records that cannot be decoded, and spans
// without an id, count for nothing.
func TestRuleDIsAFunctionOfTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{
			Pipeline: pipeline.Config{Limits: pipeline.Limits{MaxParts: 50, MaxAge: time.Minute}, RetryMin: time.Millisecond, RetryMax: time.Second},
			Dedup:    dedup.Config{Spans: rapid.IntRange(1, 12).Draw(rt, "K"), Horizon: 20 * time.Millisecond}, RetentionDays: 30, CatchUp: 1,
		}
		var (
			records []*pipeline.Record
			sights  []sight
			where   []string // of sights
			counts  []int    // sights before each record
		)
		for offset := range rapid.IntRange(1, 25).Draw(rt, "records") {
			ids := rapid.SliceOfN(rapid.ByteRange(0, 15), 0, 4).Draw(rt, "ids")
			r := record(int64(offset), request(t, ids...))
			milli := rapid.Int64Range(0, 60).Draw(rt, "milli")
			r.Time = r.Time.Add(time.Duration(milli) * time.Millisecond)
			counts = append(counts, len(sights))
			if rapid.IntRange(0, 9).Draw(rt, "undecodable") == 0 {
				r.Value, ids = []byte{0xff}, nil
			}
			for i, id := range ids {
				if id != 0 { // no id
					sights = append(sights, sight{id, milli})
					where = append(where, fmt.Sprintf("default/0/%s %d@%d", string('a'+rune(id)), i, offset))
				}
			}
			records = append(records, r)
		}
		fresh := ruleD(sights, cfg.Dedup)
		from := rapid.IntRange(0, len(records)-1).Draw(rt, "from") // the first record to decide
		warm := from                                               // and the first to be warmed by
		for warm > 0 && counts[from]-counts[warm] < cfg.Dedup.Spans {
			warm--
		}
		warm -= rapid.IntRange(0, warm).Draw(rt, "further")
		var want []string
		for n := counts[from]; n < len(sights); n++ {
			if fresh[n] {
				want = append(want, where[n])
			}
		}
		if diff := cmp.Diff(want, decide(t, rt, cfg, records[warm:from], records[from:])); diff != "" {
			rt.Fatalf("warmed from %d, deciding from %d (-rule +stage):\n%s", warm, from, diff)
		}
	})
}

// decide gives the rows that a stage stores, over batches cut anywhere.
func decide(t *testing.T, rt *rapid.T, cfg Config, before, records []*pipeline.Record) (rows []string) {
	s, _ := stageOf(t, cfg)
	for _, r := range before {
		s.Warm(r)
	}
	for _, batch := range slices.Collect(slices.Chunk(records, rapid.IntRange(1, 5).Draw(rt, "batch"))) {
		if err := s.Begin("log/0", s.Config(), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.Open(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		feed(t, s, batch...)
		rows = append(rows, spanRows(s)...)
	}
	return rows
}
