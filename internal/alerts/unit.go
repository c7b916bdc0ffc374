package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// amount reads what people write for a limit: a number, a part such as 20 %, or
// a time such as 5s, which is in seconds.
func amount(text string) (float64, bool) {
	if part, found := strings.CutSuffix(text, "%"); found {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		return v / 100, err == nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v, true
	}
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil
}

// worded is a value as a text shows it.
func (r *Rule) worded(v float64) string {
	if r.Stat.Stat == PSI {
		return short(v)
	}
	switch r.Kind {
	case Ratio, Change:
		return short(100*v) + " %"
	case BurnRate:
		return short(v) + "×"
	case Threshold, Absence:
	}
	d := rollup.DefinitionOf(r.Of.Name)
	if d.Form == rollup.Share && !r.counts() {
		return short(100*v) + " %"
	}
	if r.counts() || d.Scale == 1 {
		return short(v)
	}
	return strings.TrimSpace(short(v) + " " + d.Unit)
}

func short(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.4g", v), ".0") }
