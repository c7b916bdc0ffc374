package alerts

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/internal/yamlat"
	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// Bounds of rules.
const (
	pane      = rollup.PaneSeconds * time.Second
	maxWindow = 24 * time.Hour
	maxRules  = 200
)

// Load reads a file of rules; its error has everything that is wrong with it.
func Load(path string) (*Rules, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the alert rules: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of a file of rules.
func Parse(name string, text []byte) (*Rules, error) {
	f, top, err := yamlat.Parse(name, text)
	if err != nil {
		return nil, err
	}
	m := top.Fields("include", "receivers", "rules")
	var out Rules
	for _, n := range m["receivers"].List() {
		out.Receivers = append(out.Receivers, receiverOf(n))
	}
	var names []string
	for _, r := range out.Receivers {
		names = append(names, r.Name)
	}
	seen := make(map[string]bool)
	list := m["rules"].List()
	if len(list) > maxRules {
		m["rules"].Errorf("%d rules, at most %d are asked", len(list), maxRules)
		list = nil
	}
	for _, n := range list {
		r := ruleOf(n, names)
		if r.Name != "" && seen[r.Name] {
			n.Errorf("there is another rule %q", r.Name)
		}
		seen[r.Name] = true
		out.Rules = append(out.Rules, r)
	}
	for _, n := range m["include"].List() {
		if n.OneOf(packName) == packName && name != packName {
			out.include(names)
		}
	}
	return &out, f.Err()
}

// include adds the shipped rules but those whose name the file has.
func (s *Rules) include(receivers []string) {
	for _, r := range Pack() {
		if !slices.ContainsFunc(s.Rules, func(own Rule) bool { return own.Name == r.Name }) {
			r.To = receivers
			s.Rules = append(s.Rules, r)
		}
	}
}

func receiverOf(n yamlat.Node) (r Receiver) {
	m := n.Fields("name", "webhook", "alertmanager", "bearer_file")
	r = Receiver{Name: nameOf(n, m["name"]), BearerFile: m["bearer_file"].Text()}
	r.Webhook, r.Alertmanager = addressOf(m["webhook"]), strings.TrimRight(addressOf(m["alertmanager"]), "/")
	if (r.Webhook == "") == (r.Alertmanager == "") {
		n.Errorf("a receiver has a webhook or an alertmanager")
	}
	return r
}

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func nameOf(of, n yamlat.Node) string {
	switch text := n.Text(); {
	case !n.There():
		of.Errorf("it has no name")
	case !nameShape.MatchString(text):
		n.Errorf("%q is no name such as slow_answers: small letters, digits and _", text)
	default:
		return text
	}
	return ""
}

func addressOf(n yamlat.Node) string {
	if !n.There() {
		return ""
	}
	at, err := url.Parse(n.Text())
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		n.Errorf("want an address such as https://host/path")
		return ""
	}
	return n.Text()
}

// fields of each kind, beside those of all.
var fieldsOf = map[Kind][]string{
	Threshold: {"of", "stat", "above", "below", "window", "sure"},
	Ratio:     {"of", "over", "stat", "above", "below", "window"},
	BurnRate:  {"of", "over", "objective", "burn"},
	Absence:   {"of", "stat", "window", "seen"},
	Change:    {"of", "stat", "above", "below", "window", "sure"},
}

func ruleOf(rule yamlat.Node, receivers []string) (r Rule) {
	n := rule
	// First the kind alone, since it says what else there may be.
	for _, e := range rule.Entries() {
		if e.Name == "kind" {
			n, r.Kind = e.Value, Kind(e.Value.Text())
		}
	}
	if fieldsOf[r.Kind] == nil {
		n.Errorf("a rule has a kind: threshold, ratio, burn_rate, absence or change")
		return r
	}
	n = rule
	m := n.Fields(append([]string{"name", "kind", "severity", "tenant", "eval", "where", "by", "min", "for", "keep", "summary", "labels", "to"}, fieldsOf[r.Kind]...)...)
	r.Name, r.Severity, r.Tenant, r.Eval = nameOf(n, m["name"]), cmp.Or(m["severity"].Text(), "warning"), m["tenant"].Text(), m["eval"].Flag()
	r.Where, r.Labels = textsOf(m["where"]), textsOf(m["labels"])
	for _, l := range m["by"].List() {
		r.By = append(r.By, l.Text())
	}
	r.Min, r.For, r.Keep = m["min"].Whole(0, 0), m["for"].Duration(0, 0), m["keep"].Duration(0, 0)
	r.measured(n, m)
	r.told(m, receivers)
	return r
}

// measured reads what a rule looks at.
func (r *Rule) measured(n yamlat.Node, m map[string]yamlat.Node) {
	r.Of = metricOf(n, m["of"], "of")
	r.Stat, r.Window = Stat{Stat: query.Count}, windowOf(m["window"], map[bool]time.Duration{true: time.Hour, false: time.Minute}[r.Kind == Change])
	switch r.Kind {
	case Ratio, BurnRate:
		r.Over = metricOf(n, m["over"], "over")
		r.Stat.Stat = query.Stat(m["stat"].OneOf(string(query.Count), string(query.Sum)))
	case Threshold, Change:
		if !m["stat"].There() {
			n.Errorf("it has no stat: %s", statNames)
		}
		if r.Kind == Change && m["stat"].Text() == string(PSI) {
			r.Stat = Stat{Stat: PSI}
			break
		}
		r.Stat = statOf(m["stat"])
		r.Sure = r.sureOf(m["sure"])
	case Absence:
		r.Stat.Stat = query.Stat(m["stat"].OneOf(string(query.Count), string(query.Distinct)))
		r.Seen = windowOf(m["seen"], time.Hour)
	}
	if r.Kind == BurnRate {
		r.burns(n, m)
		return
	}
	r.Above, r.Below = boundOf(m["above"]), boundOf(m["below"])
	if r.Kind != Absence && !r.Above.Set && !r.Below.Set {
		n.Errorf("it is neither above nor below anything")
	}
}

// burns reads an objective, and how fast its allowance may be used up.
func (r *Rule) burns(n yamlat.Node, m map[string]yamlat.Node) {
	r.Objective = boundOf(m["objective"]).Limit
	if r.Objective <= 0 || r.Objective >= 1 {
		n.Errorf("objective is the part that is to be good, such as 99.5%%")
		r.Objective = 0.5
	}
	for _, b := range m["burn"].List() {
		f := b.Fields("long", "short", "factor")
		burn := Burn{windowOf(f["long"], time.Hour), windowOf(f["short"], 5*time.Minute), boundOf(f["factor"]).Limit}
		if burn.Factor <= 0 || burn.Short > burn.Long {
			b.Errorf("want a long and a short window, and a factor above 0")
		}
		r.Burn = append(r.Burn, burn)
	}
	if len(r.Burn) == 0 {
		n.Errorf("burn has pairs of windows, such as {long: 1h, short: 5m, factor: 14.4}")
	}
}

// told reads what receivers are told.
func (r *Rule) told(m map[string]yamlat.Node, receivers []string) {
	r.Summary = cmp.Or(m["summary"].Text(), r.Name+": {value} of {count}")
	if name, at := strange(r.Summary, r.By); at >= 0 {
		m["summary"].ErrorAtf(at, "{%s} is neither a label of by nor one of %s", name, strings.Join(summaryWords, ", "))
	}
	r.To = receivers
	if m["to"].There() {
		r.To = nil
		for _, t := range m["to"].List() {
			if !slices.Contains(receivers, t.Text()) {
				t.Errorf("there is no receiver %q", t.Text())
			}
			r.To = append(r.To, t.Text())
		}
	}
}

func textsOf(n yamlat.Node) map[string]string {
	var out map[string]string
	for _, e := range n.Entries() {
		if out == nil {
			out = make(map[string]string)
		}
		out[e.Name] = e.Value.Text()
	}
	return out
}

// metricOf reads view.metric; a name alone is both, as metrics of metrics.yaml are
// called.
func metricOf(of, n yamlat.Node, field string) Metric {
	text := n.Text()
	view, name, found := strings.Cut(text, ".")
	if !found {
		name = view
	}
	if !nameShape.MatchString(view) || !nameShape.MatchString(name) {
		if !n.There() {
			of.Errorf("%s has a metric of a view, such as model.span_errors", field)
		} else {
			n.Errorf("%q is no metric of a view, such as model.span_errors", text)
		}
	}
	return Metric{view, name}
}

func windowOf(n yamlat.Node, otherwise time.Duration) time.Duration {
	d := n.Duration(pane, otherwise)
	if d%pane != 0 || d > maxWindow {
		n.Errorf("a window is a multiple of %s, of at most %s", pane, maxWindow)
		return otherwise
	}
	return d
}

func boundOf(n yamlat.Node) Bound {
	if !n.There() {
		return Bound{}
	}
	v, ok := amount(n.Text())
	if !ok {
		n.Errorf("%q is no number, part such as 20%%, or time such as 5s", n.Text())
	}
	return Bound{true, v}
}

// sureOf reads by how many standard errors a mean has to be beyond chance.
func (r *Rule) sureOf(n yamlat.Node) float64 {
	sure := boundOf(n)
	spread := []rollup.Form{rollup.Share, rollup.Measured, rollup.Graded, ""} // "" is a user's own
	switch {
	case sure.Set && (sure.Limit <= 0 || r.Stat.Stat != query.Mean):
		n.Errorf("sure is a number of standard errors above 0, of stat mean")
	case sure.Set && !slices.Contains(spread, rollup.DefinitionOf(r.Of.Name).Form):
		n.Errorf("nothing is kept about how %s is spread, so nobody can be sure", r.Of.Name)
	}
	return sure.Limit
}

// statNames are what a rule may ask for, beside quantiles such as p95.
const statNames = "count, rate, sum, sum_rate, mean, min, max, distinct, p50, p95, p99"

func statOf(n yamlat.Node) Stat {
	text := n.Text()
	if digits, found := strings.CutPrefix(text, "p"); found {
		if q, err := strconv.ParseFloat("0."+digits, 64); err == nil && q > 0 && len(digits) >= 2 {
			return Stat{query.Quantile, q}
		}
	}
	if slices.Contains(strings.Split(statNames, ", "), text) {
		return Stat{Stat: query.Stat(text)}
	}
	if n.There() {
		n.Errorf("%q is none of %s", text, statNames)
	}
	return Stat{Stat: query.Count}
}
