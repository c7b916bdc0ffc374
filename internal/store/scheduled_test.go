package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/query"
)

// testScheduledReadsApart: a tenant is told of its own sessions and users only,
// window by window and as they are now.
func testScheduledReadsApart(t *testing.T, b *bundle) {
	at := time.Now().Truncate(time.Minute).Add(-time.Hour)
	for i, tenant := range []string{"acme", "beta", "acme", "beta"} {
		view, metric := "session", "bounce_rate"
		if i >= 2 {
			view, metric = "user", "active_users"
		}
		b.rowsOf(t, "business_1m", fmt.Sprintf(`{"tenant": %q, "view": %q, "metric": %q, "labels": {"of": %q}, "series": %q, "time": %d, "count": %d, "sum": 1, "part_day": %d, "retention_days": 400, "version": 1}`,
			tenant, view, metric, tenant, tenant, at.Unix(), 10+i, at.Unix()/86400))
	}
	r := Reader{b.Store}
	for tenant, want := range map[string]map[string]int64{"acme": {"session": 10, "user": 12}, "beta": {"session": 11, "user": 13}, "nobody": {}} {
		for view, metric := range map[string]string{"session": "bounce_rate", "user": "active_users"} {
			got, err := r.Scheduled(t.Context(), tenant, query.Metric{View: view, Name: metric, To: time.Now(), Window: 24 * time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			switch n, there := want[view]; {
			case !there && len(got) == 0:
			case !there || len(got) != 1 || got[0].Label("of") != tenant || got[0].Points[0].Count != n:
				t.Errorf("%s is told of %s: %+v", tenant, view, got)
			}
		}
		now, err := r.ScheduledNow(t.Context(), tenant, time.Now())
		if err != nil || len(now) != len(want) {
			t.Errorf("%s is told %+v, %v", tenant, now, err)
		}
		for _, g := range now {
			if g.Count != want[g.View] || g.Labels[0].Value != tenant {
				t.Errorf("%s is told %+v", tenant, g)
			}
		}
	}
}
