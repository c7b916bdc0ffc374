package scheduled

import (
	"strings"
	"testing"
)

// TestNewer: rows behind the positions, each partition by its own clause; those of
// strangers by one of their own.
func TestNewer(t *testing.T) {
	at := positions{"t": {"spans/0/0": 7, "spans/0/1": 9}}
	heads := map[string]int64{"spans/0/0": 7, "spans/0/1": 12, "spans/1/0": 3}
	for _, tt := range []struct{ name, got, want string }{
		{"all", strings.Join(positions{}.behind("t"), "; "), "true"},
		{
			"behind", strings.Join(at.behind("t"), "; "), "((src_log = 'spans/0' AND src_partition = 0 AND src_offset > 7) OR (src_log = 'spans/0' AND src_partition = 1 AND src_offset > 9));" +
				" (src_log, src_partition) NOT IN (('spans/0', 0), ('spans/0', 1))",
		},
		{
			"up to the heads", at.newer("t", heads),
			"((src_log = 'spans/0' AND src_partition = 1 AND src_offset > 9 AND src_offset <= 12) OR (src_log = 'spans/1' AND src_partition = 0 AND src_offset <= 3))",
		},
		{"nothing", at.newer("t", at["t"]), "false"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

// TestSweptPositions: what is not recent is read from where the last sweep stood,
// and only in a sweep; where none is noted, every run before was one.
func TestSweptPositions(t *testing.T) {
	at, err := parsePositions(`{"trace_parts": {"spans/0/0": 7}}`)
	if err != nil {
		t.Fatal(err)
	}
	at.onAllDays()
	at.set("trace_parts", "spans/0", 0, 9)
	at.set("trace_info", "events/0", 0, 2) // known since the sweep
	if at, err = parsePositions(at.clone().text()); err != nil {
		t.Fatal(err)
	}
	at.onAllDays()
	heads := positions{"trace_parts": {"spans/0/0": 9}, "trace_info": {"events/0/0": 2}}
	told := func(sweep bool) string {
		w := words{from: at, till: heads, reach: reach{recent: "d", sweep: sweep}}
		return strings.Join(append(w.New("trace_parts"), w.New("trace_info")...), "; ")
	}
	if got, want := told(false), "part_day >= d AND false; part_day >= d AND false"; got != want {
		t.Errorf("between sweeps: %s, want %s", got, want)
	}
	if got, want := told(true), "part_day >= d AND false; part_day < d AND ((src_log = 'spans/0' AND src_partition = 0 AND src_offset > 7 AND src_offset <= 9));"+
		" part_day >= d AND false; part_day < d AND ((src_log = 'events/0' AND src_partition = 0 AND src_offset <= 2))"; got != want {
		t.Errorf("in a sweep: %s, want %s", got, want)
	}
}
