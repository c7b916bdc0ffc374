package semconv

import "strings"

// objectRule is what an object's members are good for, as a tree of names.
type objectRule struct {
	members []member
	sum     target // all numbers together, if its place is not 0
}

// member is one name at one level of an object.
type member struct {
	name   string
	target target // of place 0: only what is below it matters
	below  *objectRule
}

func compileObject(o object) *objectRule {
	rule := &objectRule{sum: target{o.sum.column, o.sum.place, 0}}
	for _, r := range o.rows {
		rule.insert(r.key, target{r.column, r.place, 0})
	}
	return rule
}

func (r *objectRule) insert(path string, at target) {
	name, rest, deeper := strings.Cut(path, ".")
	m := r.find(name)
	if m == nil {
		r.members = append(r.members, member{name: name})
		m = &r.members[len(r.members)-1]
	}
	if !deeper {
		m.target = at
		return
	}
	if m.below == nil {
		m.below = &objectRule{}
	}
	m.below.insert(rest, at)
}

func (r *objectRule) find(name string) *member {
	for i := range r.members {
		if r.members[i].name == name {
			return &r.members[i]
		}
	}
	return nil
}

// each calls f for every member that goes to a column.
func (r *objectRule) each(f func(name string, at target)) {
	if r == nil {
		return
	}
	for _, m := range r.members {
		if m.target.place != 0 {
			f(m.name, m.target)
		}
		m.below.each(f)
	}
	if r.sum.place != 0 {
		f("the sum", r.sum)
	}
}

// weighMembers offers the members of an object's attribute.
func (n *Normalizer) weighMembers(h *hit) {
	text := n.objectText(h)
	if emptyText(text) {
		return
	}
	if bad := n.weighObject(h.source, h.source.members, text); bad && len(h.source.columns) == 0 {
		n.rejected++ // as content it is kept, whatever it is
	}
}

// weighObject walks one level; rules are not deep, so neither is the recursion.
func (n *Normalizer) weighObject(s *source, rule *objectRule, text string) (bad bool) {
	sum, summed := uint64(0), false
	m := objectMembers(text)
	for key, value, ok := m.next(); ok; key, value, ok = m.next() {
		if rule.sum.place != 0 {
			if got, worth := number(rule.sum.column, stringValue(value)); worth == usable {
				sum, summed = addSaturated(sum, got), true
			}
		}
		if found := rule.find(key); found != nil {
			n.weighMember(s, found, value)
		}
	}
	if summed {
		n.offerCount(rule.sum, sum)
	}
	return m.bad
}

func (n *Normalizer) weighMember(s *source, m *member, value string) {
	if m.below != nil && strings.HasPrefix(value, "{") {
		n.weighObject(s, m.below, value)
	}
	switch {
	case m.target.place == 0:
	case m.target.column >= textColumns:
		n.offerNumber(m.target, stringValue(value))
	default:
		n.offerMember(s, m.target, value)
	}
}
