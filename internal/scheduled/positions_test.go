package scheduled

import (
	"strings"
	"testing"
)

// TestNewer: rows behind the positions, each partition by its own clause; those of
// strangers where they are looked for.
func TestNewer(t *testing.T) {
	at := positions{"t": {"spans/0/0": 7, "spans/0/1": 9}}
	heads := positions{"t": {"spans/0/0": 7, "spans/0/1": 12, "spans/1/0": 3}}
	for _, tt := range []struct{ name, got, want string }{
		{"all", strings.Join(positions{}.behind("t", "true"), "; "), "true"},
		{
			"on recent days", strings.Join(at.behind("t", "part_day >= d"), "; "), "((src_log = 'spans/0' AND src_partition = 0 AND src_offset > 7) OR (src_log = 'spans/0' AND src_partition = 1 AND src_offset > 9));" +
				" (src_log, src_partition) NOT IN (('spans/0', 0), ('spans/0', 1)) AND part_day >= d",
		},
		{
			"up to the heads", at.newer("t", heads),
			"((src_log = 'spans/0' AND src_partition = 1 AND src_offset > 9 AND src_offset <= 12) OR (src_log = 'spans/1' AND src_partition = 0 AND src_offset <= 3))",
		},
		{"nothing", at.newer("t", at), "false"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}
