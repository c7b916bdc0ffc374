package weekly

import (
	"fmt"
	"html/template"
	"strings"
)

// Sizes of a chart, in the units of its drawing.
const (
	chartWidth  = 320
	chartHeight = 126
	chartFloor  = 100 // where bars stand
	chartRoom   = 80  // how high they may be
)

// SVG draws the chart. Bars of rates are of the whole; others of the greatest.
func (c Chart) SVG() template.HTML {
	most := 0.0
	for _, d := range c.Days {
		most = max(most, d.Value)
	}
	if c.Unit == "ratio" {
		most = max(most, 1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(c.Title))
	step := float64(chartWidth) / float64(max(len(c.Days), 1))
	for i, d := range c.Days {
		high := 0.0
		if d.There && most > 0 {
			high = max(0, chartRoom*d.Value/most)
		}
		x := float64(i) * step
		fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %s</title></rect>`,
			x+3, chartFloor-high, step-6, high, d.Day.Format("Mon 2 Jan"), template.HTMLEscapeString(c.text(d)))
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%s</text><text class="day" x="%.1f" y="%d">%s</text>`,
			x+step/2, chartFloor-high-4, template.HTMLEscapeString(d.Text(c.Unit)), x+step/2, chartFloor+13, d.Day.Format("Mon 2"))
		if c.Rate {
			fmt.Fprintf(&b, `<text class="day" x="%.1f" y="%d">of %s</text>`, x+step/2, chartFloor+23, d.Count())
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped
}
