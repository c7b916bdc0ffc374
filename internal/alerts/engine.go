package alerts

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/spanmill/spanmill/pkg/schema/rollup"
)

// ErrNotReady says that the metrics are not all there yet: ask again.
var ErrNotReady = errors.New("metrics are not ready")

// State is a group of a rule that is pending or firing. Times are Unix seconds.
type State struct {
	Rule     string         `json:"rule"`
	Tenant   string         `json:"tenant"`
	Labels   []rollup.Label `json:"labels,omitempty"`
	Severity string         `json:"severity"`
	To       []string       `json:"to,omitempty"`
	Since    int64          `json:"since"`           // it holds
	Fired    int64          `json:"fired,omitempty"` // 0: pending
	Clear    int64          `json:"clear,omitempty"` // since when it holds no more; 0: it holds
	Value    float64        `json:"value"`           // when it fired
	Summary  string         `json:"summary,omitempty"`
}

// Key names a state among all.
func (s *State) Key() string { return s.Rule + "\xff" + s.Tenant + "\xff" + keyOf(s.Labels) }

// Notice is what receivers are told, once for each transition.
type Notice struct {
	// ID is the same whenever the notice is sent again.
	ID       string            `json:"id"`
	Status   string            `json:"status"` // firing, resolved
	Rule     string            `json:"rule"`
	Severity string            `json:"severity"`
	Tenant   string            `json:"tenant"`
	Labels   map[string]string `json:"labels"`
	Value    float64           `json:"value"`
	Count    int64             `json:"count"` // observations that value is of
	Summary  string            `json:"summary"`
	Since    time.Time         `json:"since"` // it holds
	At       time.Time         `json:"at"`    // of the transition
}

// The statuses of a notice.
const (
	Firing   = "firing"
	Resolved = "resolved"
)

// Transition is what became of a state at an instant.
type Transition struct {
	Key   string
	State *State // nil: there is none any more
	// Notice is nil if there is nothing to tell; To are its receivers.
	Notice *Notice
	To     []string
}

// Engine has the states of rules. It is pure: it has no clock and does no I/O but
// by the history it is given.
type Engine struct {
	rules  []Rule
	most   int
	states map[string]*State
	// Refused counts groups that got no state since there are too many.
	Refused uint64
}

// NewEngine makes an engine without states.
func NewEngine(rules []Rule, most int) *Engine {
	return &Engine{rules: rules, most: most, states: make(map[string]*State)}
}

// Restore takes a state that an engine before had.
func (e *Engine) Restore(s *State) { e.states[s.Key()] = s }

// Firing lists what fires, in order.
func (e *Engine) Firing() (out []*State) {
	for _, key := range e.keys() {
		if s := e.states[key]; s.Fired != 0 {
			out = append(out, s)
		}
	}
	return out
}

func (e *Engine) keys() []string {
	keys := make([]string, 0, len(e.states))
	for key := range e.states {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Step asks every rule at an instant, in Unix seconds, and gives what changed. A
// rule that could not be asked keeps its states, and its error is among those
// returned; with ErrNotReady nothing was asked and nothing changed.
func (e *Engine) Step(ctx context.Context, h History, now int64) ([]Transition, error) {
	tenants, err := h.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var out []Transition
	var errs []error
	unknown := make(map[string]bool) // rules that could not be asked
	held := make(map[string]bool)
	for i := range e.rules {
		r := &e.rules[i]
		list, err := r.ask(ctx, h, tenants, now)
		if errors.Is(err, ErrNotReady) && len(out) == 0 {
			return nil, err
		}
		if err != nil {
			unknown[r.Name] = true
			errs = append(errs, fmt.Errorf("rule %s: %w", r.Name, err))
			continue
		}
		for j := range list {
			if list[j].holds {
				t, key := e.holds(r, &list[j], now)
				held[key] = true
				out = append(out, t...)
			}
		}
	}
	for _, key := range e.keys() {
		if s := e.states[key]; !held[key] && !unknown[s.Rule] {
			out = append(out, e.ends(key, s, now)...)
		}
	}
	return out, errors.Join(errs...)
}

// ask judges a rule for each tenant that it is about.
func (r *Rule) ask(ctx context.Context, h History, tenants []string, now int64) (out []verdict, err error) {
	for _, tenant := range tenants {
		if r.Tenant != "" && r.Tenant != tenant {
			continue
		}
		list, err := r.judge(ctx, &view{h, tenant, endAt(now)})
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// holds takes note that a rule holds for a group.
func (e *Engine) holds(r *Rule, v *verdict, now int64) (out []Transition, key string) {
	fresh := State{Rule: r.Name, Tenant: v.tenant, Labels: v.labels, Severity: r.Severity, To: r.To, Since: now}
	key = fresh.Key()
	s := e.states[key]
	if s == nil {
		if len(e.states) >= e.most {
			e.Refused++
			return nil, key
		}
		s = &fresh
		e.states[key] = s
		out = []Transition{{Key: key, State: s}}
	}
	switch {
	case s.Clear != 0: // it holds again before it was over
		s.Clear = 0
		out = []Transition{{Key: key, State: s}}
	case s.Fired == 0 && now-s.Since >= int64(r.For/time.Second):
		s.Fired, s.Value, s.Severity, s.To = now, v.value, r.Severity, r.To
		s.Summary = r.text(v)
		n := e.notice(s, Firing, now)
		n.Count = v.n
		out = []Transition{{Key: key, State: s, Notice: n, To: s.To}}
	}
	return out, key
}

// ends takes note that a state's rule does not hold, or is no more.
func (e *Engine) ends(key string, s *State, now int64) []Transition {
	if s.Fired == 0 {
		delete(e.states, key)
		return []Transition{{Key: key}}
	}
	r := e.rule(s.Rule)
	if r != nil && r.Keep > 0 {
		if s.Clear == 0 {
			s.Clear = now
			return []Transition{{Key: key, State: s}}
		}
		if now-s.Clear < int64(r.Keep/time.Second) {
			return nil
		}
	}
	delete(e.states, key)
	n := e.notice(s, Resolved, now)
	return []Transition{{Key: key, Notice: n, To: s.To}}
}

func (e *Engine) rule(name string) *Rule {
	for i := range e.rules {
		if e.rules[i].Name == name {
			return &e.rules[i]
		}
	}
	return nil
}

// notice is what is to be told of a state that fired.
func (e *Engine) notice(s *State, status string, now int64) *Notice {
	n := &Notice{
		ID: fmt.Sprintf("%016x-%d-%s", xxhash.Sum64String(s.Key()), s.Fired, status), Status: status, Rule: s.Rule, Severity: s.Severity,
		Tenant: s.Tenant, Labels: make(map[string]string, len(s.Labels)), Value: s.Value, Summary: s.Summary, Since: instant(s.Since), At: instant(now),
	}
	for _, l := range s.Labels {
		n.Labels[l.Name] = l.Value
	}
	if r := e.rule(s.Rule); r != nil {
		maps.Copy(n.Labels, r.Labels)
	}
	return n
}

// Again are the notices of all that fires, for receivers that forget.
func (e *Engine) Again(now int64) (out []*Notice) {
	for _, s := range e.Firing() {
		out = append(out, e.notice(s, Firing, now))
	}
	return out
}

func instant(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
