package weekly

import (
	"strings"
	"testing"
	"time"
)

func sample() *Report {
	from := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	r := &Report{Tenant: "a|b<script>", From: from, To: from.AddDate(0, 0, 7), Made: from.AddDate(0, 0, 8), Version: "v1"}
	s := Section{Title: "Use", About: "Who came.", Rows: []Row{
		{Name: "Sessions", Metric: "sessions_closed", Unit: "count", Now: Number{12345, 12345, true}, Before: Number{10000, 10000, true}},
		{Name: "Bounced", Metric: "bounce_rate", Unit: "ratio", Now: Number{0.1234, 81, true}, Before: Number{0.2, 80, true}},
		{Name: "Value", Metric: "value", Unit: "US dollars", Now: Number{-1234.5, 7, true}},
		{Name: "None", Metric: "none", Unit: "ratio"},
	}}
	c := Chart{Title: "Sessions <a day>", Unit: "count"}
	for i := range 7 {
		c.Days = append(c.Days, Day{from.AddDate(0, 0, i), Number{float64(i * 100), int64(i), i != 3}})
	}
	s.Charts = []Chart{c}
	r.Sections = []Section{s}
	return r
}

func TestPagesSayTheSame(t *testing.T) {
	t.Parallel()
	var md, page strings.Builder
	if err := sample().Markdown(&md); err != nil {
		t.Fatal(err)
	}
	if err := sample().HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Sessions (`sessions_closed`) | 12,345 | 12,345 | 10,000 | +23.4 % |", "| Bounced (`bounce_rate`) | 12.3 % | 81 | 20.0 % | −7.7 points |",
		"| Value (`value`) | $-1,234.50 | 7 | – |  |", "| None (`none`) | – | 0 | – |  |", "16 November to 22 November 2026", "assumptions v1", "| 0 | 100 | 200 | – | 400 | 500 | 600 |",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the Markdown lacks %s in\n%s", want, md.String())
		}
	}
	for _, want := range []string{`<td class="now">12,345</td><td>12,345</td><td>10,000</td>`, `<td class="now">12.3 %</td>`, "16 November to 22 November 2026", `y="20.0" width="39.7" height="80.0"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Count(page.String(), "<rect") != 7 {
		t.Error("the chart has not a bar for each day")
	}
	for _, foreign := range []string{"http:", "https:", "<script", "url(", "src=", "<link"} {
		if strings.Contains(page.String(), foreign) {
			t.Errorf("the page has %s: it is to need nothing else", foreign)
		}
	}
}
