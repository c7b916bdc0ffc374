package semconv

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// Bounds of folding (R9). Nothing is ever sized by an index, they only say what
// is taken for a list that somebody meant.
const (
	maxFoldIndex = 9_999
	maxFoldDepth = 16
)

// leaf is an attribute of a fold: what stands at path in its tree.
type leaf struct {
	rule  *foldRule
	path  string // all that follows the prefix
	rest  string // what of it is not walked yet
	value *schema.Value
	attr  int
}

// gatherLeaf takes an attribute for a fold, unless its path is none.
func (n *Normalizer) gatherLeaf(r *foldRule, a *schema.Attr, i int) {
	path := a.Key[len(r.prefix):]
	first, _, _ := strings.Cut(path, ".")
	if !r.pairs {
		if !numeric(first) {
			return // some other attribute with the prefix
		}
		if !goodPath(path) {
			n.rejected++
			return
		}
	}
	if path == "" || emptyValue(&a.Value) {
		return
	}
	n.leaves = append(n.leaves, leaf{r, path, path, &a.Value, i})
	if n.folded&r.bit != 0 {
		return
	}
	n.folded |= r.bit
	n.hits = append(n.hits, hit{source: &r.source, attr: -1, band: onSpan})
}

// goodPath reports whether all indexes and the depth are within bounds, and no
// segment is empty.
func goodPath(path string) bool {
	depth := 0
	for segment := range strings.SplitSeq(path, ".") {
		if depth++; depth > maxFoldDepth || segment == "" || numeric(segment) && indexOf(segment) < 0 {
			return false
		}
	}
	return true
}

func numeric(segment string) bool {
	for i := range len(segment) {
		if segment[i] < '0' || segment[i] > '9' {
			return false
		}
	}
	return segment != ""
}

// indexOf is the segment as an index, or -1: no index, out of bounds, or
// written with zeros in front.
func indexOf(segment string) int {
	if !numeric(segment) || len(segment) > 4 || segment[0] == '0' && len(segment) > 1 {
		return -1
	}
	i := 0
	for _, c := range []byte(segment) {
		i = 10*i + int(c-'0')
	}
	if i > maxFoldIndex {
		return -1
	}
	return i
}

func emptyValue(v *schema.Value) bool {
	return v.Type == schema.ValueEmpty || v.Type == schema.ValueString && v.Str == ""
}

// fold gives the rule's leaves in order.
func (n *Normalizer) fold(r *foldRule) []leaf {
	if !n.sorted {
		slices.SortFunc(n.leaves, compareLeaves)
		n.sorted = true
	}
	isRule := func(l leaf) bool { return l.rule == r }
	first := slices.IndexFunc(n.leaves, isRule)
	last := first
	for last < len(n.leaves) && isRule(n.leaves[last]) {
		last++
	}
	return n.leaves[first:last]
}

// compareLeaves orders by fold and path: an end before what lies deeper,
// indexes by number and before names. The sender's order is asked last.
func compareLeaves(a, b leaf) int {
	if a.rule != b.rule {
		return strings.Compare(a.rule.prefix, b.rule.prefix)
	}
	x, y := a.path, b.path
	for x != "" && y != "" {
		var s, t string
		s, x, _ = strings.Cut(x, ".")
		t, y, _ = strings.Cut(y, ".")
		if c := compareSegments(s, t); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a.attr, b.attr))
}

func compareSegments(s, t string) int {
	i, j := indexOf(s), indexOf(t)
	switch {
	case i >= 0 && j >= 0:
		return cmp.Compare(i, j)
	case i >= 0:
		return -1
	case j >= 0:
		return 1
	}
	return strings.Compare(s, t)
}

// appendTree appends the JSON of leaves that share the path so far. What
// contradicts the first of them (a member of a text, a name in a list) is
// rejected.
func (n *Normalizer) appendTree(leaves []leaf) {
	if leaves[0].rest == "" {
		n.made = otlp.AppendJSON(n.made, *leaves[0].value)
		n.rejected += len(leaves) - 1
		return
	}
	list := indexOf(firstOf(leaves[0])) >= 0
	brackets := "{}"
	if list {
		brackets = "[]"
	}
	n.made = append(n.made, brackets[0])
	for first := true; len(leaves) > 0; {
		segment := firstOf(leaves[0])
		size := 1
		for size < len(leaves) && firstOf(leaves[size]) == segment {
			size++
		}
		below := leaves[:size]
		leaves = leaves[size:]
		if list && indexOf(segment) < 0 {
			n.rejected += size
			continue
		}
		if !first {
			n.made = append(n.made, ',')
		}
		first = false
		descend(below)
		if list {
			unwrap(below)
		} else {
			n.made = append(otlp.AppendJSON(n.made, *stringValue(segment)), ':')
		}
		n.appendTree(below)
	}
	n.made = append(n.made, brackets[1])
}

func firstOf(l leaf) string {
	segment, _, _ := strings.Cut(l.rest, ".")
	return segment
}

// descend takes one segment off the leaves' paths.
func descend(leaves []leaf) {
	for i := range leaves {
		_, leaves[i].rest, _ = strings.Cut(leaves[i].rest, ".")
	}
}

// wrappers are names that OpenInference puts between an index and its members.
var wrappers = [...]string{"message", "message_content", "tool_call", "document", "prompt", "completion", "tool"}

// unwrap drops the wrapper that all of an element's members are in.
func unwrap(leaves []leaf) {
	name := firstOf(leaves[0])
	if !slices.Contains(wrappers[:], name) {
		return
	}
	for _, l := range leaves {
		if firstOf(l) != name || len(l.rest) == len(name) {
			return
		}
	}
	descend(leaves)
}
