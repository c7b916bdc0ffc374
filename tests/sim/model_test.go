package sim

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// TestModelTables holds the model to what was measured on a real ClickHouse.
func TestModelTables(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newTables(2)
		insert := func(token string, days ...uint16) {
			b := block{table: tableSpans, Attempt: pipeline.Attempt{Token: token, Deadline: time.Now().Add(deadline)}}
			for _, d := range days {
				b.rows = append(b.rows, row{key: key{offset: int64(d)}, day: d})
			}
			if err := m.accept(b); err != nil {
				t.Fatal(err)
			}
			for _, d := range days {
				m.land(b, d)
			}
		}
		rows := func() int { return len(m.byName[tableSpans].rows) }
		insert("T", 1)
		insert("T", 1, 2) // a token counts for each day apart
		if rows() != 2 {
			t.Errorf("%d rows, want 2", rows())
		}
		for range 10 {
			m.crowd()
		}
		if insert("T", 1); rows() != 2 {
			t.Error("a token was forgotten before D + S had passed")
		}
		<-time.After(deadline + longestStall + time.Millisecond)
		m.crowd()
		if insert("T", 1); rows() != 3 {
			t.Error("a token was remembered beyond the window")
		}
		late := block{table: tableSpans, Attempt: pipeline.Attempt{Token: "U", Deadline: time.Now().Add(-time.Millisecond)}}
		if err := m.accept(late); !errors.Is(err, pipeline.ErrDeadline) {
			t.Errorf("a late block: %v", err)
		}
		if insert("V", 5); len(m.broken) > 0 {
			t.Errorf("objects to honest use: %v", m.broken)
		}
		if insert("V", 6); len(m.broken) != 1 {
			t.Error("a token for other rows was not noticed")
		}
	})
}

func TestRecountIsRuleD(t *testing.T) {
	t.Parallel()
	at := func(milli int64, spans ...int) logged { return logged{milli: milli, sent: Sent{Spans: spans}} }
	for name, c := range map[string]struct {
		records []logged
		want    []bool // resent
	}{
		"a resend":                          {[]logged{at(0, 1), at(9, 1)}, []bool{false, true}},
		"K spans back it still counts":      {[]logged{at(0, 1, 2, 3), at(0, 1)}, []bool{false, false, false, true}},
		"K + 1 spans back it does not":      {[]logged{at(0, 1, 2, 3, 4), at(0, 1)}, []bool{false, false, false, false, false}},
		"every sight refreshes":             {[]logged{at(0, 1, 2, 3), at(0, 1, 4, 5), at(0, 1)}, []bool{false, false, false, true, false, false, true}},
		"H back it still counts":            {[]logged{at(0, 1), at(10, 1)}, []bool{false, true}},
		"beyond H it does not":              {[]logged{at(0, 1), at(11, 1)}, []bool{false, false}},
		"a clock that went back is no age":  {[]logged{at(99, 1), at(0, 1)}, []bool{false, true}},
		"what is no span does not count":    {[]logged{at(0, 1, 0, 0, 0, 0), at(0, 1)}, []bool{false, false, false, false, false, true}},
		"garbage does not count, nor spoil": {[]logged{at(0, 1), {sent: Sent{Garbage: true}}, at(0, 1)}, []bool{false, false, true}},
	} {
		var got []bool
		for _, v := range recount(c.records, 3, 10) {
			got = append(got, v.resent)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestShrinkKeepsWhatMatters(t *testing.T) {
	t.Parallel()
	plan := Generate(7)
	plan.Events = append(plan.Events, Event{AtMilli: 1, Kind: Expel}, Event{AtMilli: 2, Kind: Mend})
	has := func(p Plan, k Kind) bool {
		return slices.ContainsFunc(p.Events, func(e Event) bool { return e.Kind == k })
	}
	least := Shrink(plan, 1000, func(p Plan) bool { return has(p, Expel) && has(p, Mend) })
	if len(least.Events) != 2 || !has(least, Expel) || !has(least, Mend) {
		t.Errorf("shrunk to %s", least)
	}
}

func TestASeedIsAPlan(t *testing.T) {
	t.Parallel()
	first, again, other := Generate(3).String(), Generate(3).String(), Generate(4).String()
	if first != again || first == other {
		t.Error("a seed must give its own plan, always")
	}
}
