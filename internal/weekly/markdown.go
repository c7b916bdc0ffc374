package weekly

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Markdown writes the report with its charts as text: SVG is for the page.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n%s\n", escape(r.Tenant), r.Span(), r.Foot())
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | this week | of | between | week before | of | change |\n|---|--:|--:|--:|--:|--:|--:|\n", s.Title, s.About)
		for _, row := range s.Rows {
			fmt.Fprintf(&b, "| %s (`%s`) | %s | %s | %s | %s | %s | %s |\n", escape(row.Name), escape(row.Metric), row.Now.Text(row.Unit), row.Now.Count(), row.Interval(), row.Before.Text(row.Unit), row.Before.Count(), row.Change())
		}
		for _, c := range s.Charts {
			fmt.Fprintf(&b, "\n**%s**\n\n| %s |\n|%s\n| %s |\n", c.Title, strings.Join(c.names(), " | "), strings.Repeat("--:|", len(c.Days)), strings.Join(c.texts(), " | "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Span is the days of the report.
func (r *Report) Span() string {
	return r.From.Format("2 January") + " to " + r.To.Add(-time.Second).Format("2 January 2006")
}

// Foot says what the numbers rest on.
func (r *Report) Foot() string {
	text := "Sessions that closed in the week, in the time zone " + r.From.Location().String() + ". “Of” is what a number is of, “between” where a rate lies with a confidence of 95 % (Wilson)."
	if r.Version != "" {
		text += " Money and minutes by assumptions " + r.Version + "."
	}
	return text + " Made " + r.Made.UTC().Format("2006-01-02 15:04 UTC") + "."
}

func (c Chart) names() (out []string) {
	for _, d := range c.Days {
		out = append(out, d.Day.Format("Mon 2"))
	}
	return out
}

func (c Chart) texts() (out []string) {
	for _, d := range c.Days {
		out = append(out, c.text(d))
	}
	return out
}

// escape keeps names from being more than text.
func escape(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", "`", "'").Replace(s)
}
