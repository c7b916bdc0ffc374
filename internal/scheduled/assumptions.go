package scheduled

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own

	"github.com/spanmill/spanmill/internal/yamlat"
)

// Usual bounds of what people do after a session.
const (
	usualRecontact = 48 * time.Hour
	usualLookback  = 24 * time.Hour
	maxWait        = 7 * 24 * time.Hour
	maxGoals       = 50
	maxFunnels     = 20
	maxSteps       = 10
	everyTenant    = "*"
)

// Assumptions are what people say about their tenants: what cannot be measured.
type Assumptions struct {
	tenants []Tenant
	digest  string
}

// Tenant is what is assumed of one tenant, or of all that are not named.
type Tenant struct {
	Name string
	// Zone is the time zone that days are of.
	Zone string
	// Recontact is how soon a user who is back was not helped; Lookback is for
	// how long what a user does belongs to their last session.
	Recontact, Lookback time.Duration
	Goals               []string
	Funnels             []Funnel
	// Versions of what things are worth, oldest first. The first is of all days
	// before the second.
	Versions []Version
}

// Funnel is steps, goals or features, that sessions go through.
type Funnel struct {
	Name   string
	Steps  []string
	Within time.Duration // from one to the next
}

// Version is what things are worth from a day on. Money is in 1e-9, minutes and
// tickets are in 1e-6.
type Version struct {
	Name                              string
	From                              string // 2006-01-02
	Hour, Ticket, Fixed, DailyTickets int64
	TaskMinutes                       map[string]int64
}

// nothing is assumed of tenants that no file names.
var nothing = Tenant{Name: everyTenant, Zone: "UTC", Recontact: usualRecontact, Lookback: usualLookback, Versions: []Version{{From: "1970-01-01"}}}

// LoadAssumptions reads a file; its error has everything that is wrong with it.
// No path: nothing is assumed.
func LoadAssumptions(path string) (*Assumptions, error) {
	if path == "" {
		return ParseAssumptions("assumptions", []byte("{}"))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the assumptions: %w", err)
	}
	return ParseAssumptions(path, text)
}

// ParseAssumptions reads a file's text.
func ParseAssumptions(name string, text []byte) (*Assumptions, error) {
	f, top, err := yamlat.Parse(name, text)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	out := &Assumptions{digest: hex.EncodeToString(sum[:8])}
	for _, n := range top.Fields("tenants")["tenants"].List() {
		t := tenantOf(n)
		if slices.ContainsFunc(out.tenants, func(other Tenant) bool { return other.Name == t.Name }) {
			n.Errorf("there is another tenant %q", t.Name)
		}
		out.tenants = append(out.tenants, t)
	}
	return out, f.Err()
}

// Of gives what is assumed of a tenant.
func (a *Assumptions) Of(tenant string) Tenant {
	out := nothing
	for _, t := range a.tenants {
		if t.Name == tenant {
			return t
		}
		if t.Name == everyTenant {
			out = t
		}
	}
	return out
}

func tenantOf(n yamlat.Node) Tenant {
	m := n.Fields("tenant", "timezone", "recontact", "lookback", "goals", "funnels", "versions")
	t := Tenant{Name: m["tenant"].Text(), Zone: cmp.Or(m["timezone"].Text(), "UTC")}
	if t.Name == "" {
		n.Errorf("it has no tenant: a name, or %q for all others", everyTenant)
	}
	if _, err := time.LoadLocation(t.Zone); err != nil {
		m["timezone"].Errorf("%q is no time zone such as Europe/Berlin", t.Zone)
	}
	t.Recontact, t.Lookback = shortWait(m["recontact"], usualRecontact), shortWait(m["lookback"], usualLookback)
	for _, g := range m["goals"].List() {
		t.Goals = append(t.Goals, g.Text())
	}
	if len(t.Goals) > maxGoals {
		m["goals"].Errorf("%d goals, at most %d", len(t.Goals), maxGoals)
	}
	for _, f := range m["funnels"].List() {
		t.Funnels = append(t.Funnels, funnelOf(f))
	}
	if len(t.Funnels) > maxFunnels {
		m["funnels"].Errorf("%d funnels, at most %d", len(t.Funnels), maxFunnels)
	}
	for _, v := range m["versions"].List() {
		t.Versions = append(t.Versions, versionOf(v))
	}
	if len(t.Versions) == 0 {
		t.Versions = nothing.Versions
	}
	if !slices.IsSortedFunc(t.Versions, func(a, b Version) int { return cmp.Compare(a.From, b.From) }) {
		m["versions"].Errorf("versions are in the order of their days, oldest first")
	}
	return t
}

func shortWait(n yamlat.Node, usual time.Duration) time.Duration {
	d := n.Duration(time.Minute, usual)
	if d > maxWait {
		n.Errorf("at most %s: sessions are not looked at longer", maxWait)
	}
	return d
}

func funnelOf(n yamlat.Node) Funnel {
	m := n.Fields("name", "steps", "within")
	f := Funnel{Name: m["name"].Text(), Within: shortWait(m["within"], usualLookback)}
	for _, s := range m["steps"].List() {
		f.Steps = append(f.Steps, s.Text())
	}
	if f.Name == "" || len(f.Steps) < 2 || len(f.Steps) > maxSteps {
		n.Errorf("a funnel has a name and two to %d steps, goals or features", maxSteps)
	}
	return f
}

func versionOf(n yamlat.Node) Version {
	m := n.Fields("version", "from", "hourly_rate", "ticket_cost", "fixed_cost_per_day", "baseline_tickets_per_day", "task_minutes")
	v := Version{Name: m["version"].Text(), From: m["from"].Text(), TaskMinutes: make(map[string]int64)}
	if v.Name == "" {
		n.Errorf("it has no version: what results are marked with")
	}
	if _, err := time.Parse(time.DateOnly, v.From); err != nil {
		n.Errorf("it is from a day on, such as from: 2026-01-31")
		v.From = "1970-01-01"
	}
	v.Hour, v.Ticket, v.Fixed = decimal(m["hourly_rate"], 1e9), decimal(m["ticket_cost"], 1e9), decimal(m["fixed_cost_per_day"], 1e9)
	v.DailyTickets = decimal(m["baseline_tickets_per_day"], 1e6)
	for _, e := range m["task_minutes"].Entries() {
		v.TaskMinutes[e.Name] = decimal(e.Value, 1e6)
	}
	return v
}

// number is what money and minutes look like: at most a million, exactly.
var number = regexp.MustCompile(`^[0-9]{1,7}(\.[0-9]{1,9})?$`)

// decimal reads a number in units of 1/scale; what is finer is no number.
func decimal(n yamlat.Node, scale int64) int64 {
	if !n.There() {
		return 0
	}
	r, ok := new(big.Rat), number.MatchString(n.Text())
	if ok {
		_, ok = r.SetString(n.Text())
		r.Mul(r, new(big.Rat).SetInt64(scale))
	}
	if !ok || !r.IsInt() {
		n.Errorf("%q is no number such as 42.50, of at most seven digits and as fine as 1/%d", n.Text(), scale)
		return 0
	}
	return r.Num().Int64()
}
