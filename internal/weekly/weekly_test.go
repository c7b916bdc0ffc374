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
		{Name: "Sessions", Metric: "sessions_closed", Unit: "count", Now: Number{Value: 12345, Of: 12345, There: true}, Before: Number{Value: 10000, Of: 10000, There: true}},
		{Name: "Bounced", Metric: "bounce_rate", Unit: "ratio", Rate: true, Now: Number{0.1234, 81, true, 0.0685, 0.2124}, Before: Number{Value: 0.2, Of: 80, There: true}},
		{Name: "Value", Metric: "value", Unit: "US dollars", Now: Number{Value: -1234.5, Of: 7, There: true}},
		{Name: "None", Metric: "none", Unit: "ratio"},
	}}
	c := Chart{Title: "Sessions <a day>", Unit: "count"}
	for i := range 7 {
		c.Days = append(c.Days, Day{from.AddDate(0, 0, i), Number{Value: float64(i * 100), Of: int64(i), There: i != 3}})
	}
	rates := Chart{Title: "Bounced", Unit: "ratio", Rate: true, Days: []Day{{from, Number{Value: 0.5, Of: 1234, There: true}}, {Day: from.AddDate(0, 0, 1)}}}
	s.Charts = []Chart{c, rates}
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
		"| Sessions (`sessions_closed`) | 12,345 | 12,345 |  | 10,000 | 10,000 | +23.4 % |", "| Bounced (`bounce_rate`) | 12.3 % | 81 | 6.9–21.2 % | 20.0 % | 80 | −7.7 points |",
		"| Value (`value`) | $-1,234.50 | 7 |  | – | 0 |  |", "| None (`none`) | – | 0 |  | – | 0 |  |", "16 November to 22 November 2026", "assumptions v1", "| 0 | 100 | 200 | – | 400 | 500 | 600 |", "| 50.0 % of 1,234 | – |",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the Markdown lacks %s in\n%s", want, md.String())
		}
	}
	for _, want := range []string{`<td class="now">12,345</td><td>12,345</td><td></td><td>10,000</td><td>10,000</td>`, `<td class="now">12.3 %</td><td>81</td><td>6.9–21.2 %</td>`, `Mon 16 Nov: 50.0 % of 1,234</title>`, `y="123">of 1,234</text>`, "16 November to 22 November 2026", `y="20.0" width="39.7" height="80.0"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Count(page.String(), "<rect") != 9 {
		t.Error("the chart has not a bar for each day")
	}
	for _, foreign := range []string{"http:", "https:", "<script", "url(", "src=", "<link"} {
		if strings.Contains(page.String(), foreign) {
			t.Errorf("the page has %s: it is to need nothing else", foreign)
		}
	}
}
