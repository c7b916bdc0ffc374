package weekly

import (
	"math"
	"strconv"
	"strings"
)

// Text is a number as people read it: exact to four digits, with its unit.
func (n Number) Text(unit string) string {
	if !n.There {
		return "–"
	}
	switch unit {
	case "ratio":
		return decimals(100*n.Value, 1) + " %"
	case "US dollars":
		if math.Abs(n.Value) < 1 {
			return "$" + decimals(n.Value, 4)
		}
		return "$" + grouped(decimals(n.Value, 2))
	case "seconds":
		return decimals(n.Value, 1) + " s"
	case "count":
		return grouped(decimals(n.Value, 0))
	}
	return grouped(decimals(n.Value, 2))
}

// Count is what a number is of.
func (n Number) Count() string {
	if !n.There {
		return "0"
	}
	return grouped(strconv.FormatInt(n.Of, 10))
}

// Interval is what this week's rate lies between; of other numbers there is none.
func (r Row) Interval() string {
	if !r.Rate || !r.Now.There {
		return ""
	}
	return decimals(100*r.Now.Low, 1) + "–" + decimals(100*r.Now.High, 1) + " %"
}

// text is a day's number, a rate with what it is of.
func (c Chart) text(d Day) string {
	if c.Rate && d.There {
		return d.Text(c.Unit) + " of " + d.Count()
	}
	return d.Text(c.Unit)
}

// Change is how much a number is more or less than before.
func (r Row) Change() string {
	if !r.Now.There || !r.Before.There {
		return ""
	}
	sign := func(v float64, places int) string {
		if text := decimals(v, places); v < 0 {
			return strings.Replace(text, "-", "−", 1)
		}
		return "+" + decimals(v, places)
	}
	switch {
	case r.Unit == "ratio":
		return sign(100*(r.Now.Value-r.Before.Value), 1) + " points"
	case r.Before.Value == 0:
		return ""
	}
	return sign(100*(r.Now.Value-r.Before.Value)/math.Abs(r.Before.Value), 1) + " %"
}

func decimals(v float64, places int) string { return strconv.FormatFloat(v, 'f', places, 64) }

// grouped puts commas between thousands.
func grouped(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}
