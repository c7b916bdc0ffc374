package semconv

import (
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// maxListed bounds the finish reasons and the tags of one span.
const maxListed = 64

// finishReasons lists why the model stopped, one for each choice.
func (n *Normalizer) finishReasons() []string {
	if c := n.best[finishReasons]; c.rank != noRank {
		return n.list(&n.hits[c.hit], false)
	}
	start := len(n.lists)
	for i := range n.table.folds {
		if r := &n.table.folds[i]; r.reasons != 0 && n.folded&r.bit != 0 {
			n.foldedReasons(r)
		}
	}
	if len(n.lists) == start {
		n.reasonsInOutput()
	}
	return n.listed(start)
}

// foldedReasons takes the finish reasons among a fold's leaves.
func (n *Normalizer) foldedReasons(r *foldRule) {
	for _, l := range n.fold(r) {
		if _, name, _ := strings.Cut(l.path, "."); name == "finish_reason" && l.value.Type == schema.ValueString {
			n.enlist(l.value.Str)
		}
	}
}

// reasonsInOutput looks into messages that say themselves why they end.
func (n *Normalizer) reasonsInOutput() {
	c := n.best[output]
	if c.rank == noRank || n.hits[c.hit].source.key != outputMessages {
		return
	}
	text := n.structuredText(&n.hits[c.hit])
	if !strings.Contains(text, "finish_reason") {
		return // known much sooner than by walking
	}
	e := arrayElements(text)
	for message, ok := e.next(); ok; message, ok = e.next() {
		if reason, made, ok := unquote(n.made, lookup(message, "finish_reason")); ok {
			n.made = made
			n.enlist(reason)
		}
	}
}

// tags lists the trace's tags: a list, its JSON, or words between commas.
func (n *Normalizer) tags() []string {
	c := n.best[tags]
	if c.rank == noRank {
		return nil
	}
	h := &n.hits[c.hit]
	if r := h.source.fold; r != nil {
		return n.pairs(r)
	}
	return n.list(h, true)
}

// pairs makes name=value of a fold's leaves.
func (n *Normalizer) pairs(r *foldRule) []string {
	start := len(n.lists)
	for _, l := range n.fold(r) {
		text := n.valueText(&hit{source: &r.source, value: l.value})
		if text == "" {
			continue
		}
		from := len(n.made)
		n.made = append(append(append(n.made, l.path...), '='), text...)
		n.enlist(alias(n.made[from:]))
	}
	return n.listed(start)
}

// list splits a value: an array, the JSON of one, or plain text, which may have
// commas between its words.
func (n *Normalizer) list(h *hit, commas bool) []string {
	start := len(n.lists)
	text := n.valueText(h)
	if text == "" {
		text = n.structuredText(h)
	}
	text = trim(text)
	switch {
	case strings.HasPrefix(text, "["):
		e := arrayElements(text)
		for element, ok := e.next(); ok; element, ok = e.next() {
			word, made, quoted := unquote(n.made, element)
			if n.made = made; !quoted {
				word = element
			}
			n.enlist(word)
		}
	case commas:
		for word := range strings.SplitSeq(text, ",") {
			n.enlist(trim(word))
		}
	default:
		n.enlist(text)
	}
	return n.listed(start)
}

func (n *Normalizer) enlist(word string) {
	if !emptyText(word) && n.room > 0 {
		n.lists = append(n.lists, word)
		n.room--
	}
}

// listed gives what was enlisted since start; nil if nothing.
func (n *Normalizer) listed(start int) []string {
	if len(n.lists) == start {
		return nil
	}
	end := min(len(n.lists), start+maxListed)
	n.room += len(n.lists) - end
	n.lists = n.lists[:end]
	return n.lists[start:end:end]
}
