package writer

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
)

// previewRunes is how much of a root's input and output a list shows.
const previewRunes = 200

// traces sums up the spans of a batch by trace. Sums only: parts of one trace
// from several batches are merged when they are read.
type traces struct {
	index map[traceKey]int
	parts []tracePart
	last  int // the part added to last: a trace's spans come together
	texts texts

	resources resources
}

// texts copies what the parts say of their traces, many to an allocation.
type texts struct{ chunk strings.Builder }

const (
	textsChunk = 64 << 10
	longText   = textsChunk / 16
)

func (t *texts) clone(s string) string {
	if len(s) > longText {
		return strings.Clone(s)
	}
	if t.chunk.Cap()-t.chunk.Len() < len(s) {
		t.chunk = strings.Builder{} // the full one lives as long as its texts
		t.chunk.Grow(textsChunk)
	}
	from := t.chunk.Len()
	t.chunk.WriteString(s)
	return t.chunk.String()[from:]
}

type traceKey struct {
	tenant string
	id     schema.TraceID
}

// tracePart is a TracePart in the making. Identity (session, user) is the
// first non-empty by span start, the root's own preferred, so that spans may
// arrive in any order.
type tracePart struct {
	schema.TracePart
	session, user identity
}

type identity struct {
	start uint64
	root  bool
	set   bool
}

func (t *traces) reset() {
	if t.index == nil {
		t.index = make(map[traceKey]int)
	}
	clear(t.index)
	clear(t.parts) // lets go of the strings
	t.parts = t.parts[:0]
	t.texts = texts{}
	t.resources.reset()
}

// add counts one row in, and gives it its ResourceJSON. Strings are cloned: the
// row's point into its record.
func (t *traces) add(row *schema.SpanRow) {
	s, g := row.Span, row.GenAI
	p := t.part(row)
	p.PartDay = min(p.PartDay, row.PartDay)
	p.ReceivedMilli = max(p.ReceivedMilli, row.ReceivedMilli)
	p.MinStart = min(p.MinStart, s.StartUnixNano)
	p.MaxEnd = max(p.MaxEnd, s.EndUnixNano)
	p.count(s, g)
	p.CostNano = min(addSaturating(p.CostNano, row.Cost.Nano), schema.MaxCostNano)
	p.CostInputNano = min(addSaturating(p.CostInputNano, row.Cost.Input), schema.MaxCostNano)
	row.ResourceJSON = t.resources.text(row)
	p.addResource(row.ResourceJSON)
	p.Tells |= tells(row)
	root := s.ParentSpanID.IsZero()
	if p.session.better(g.SessionID, s, root) {
		p.SessionID = t.texts.clone(g.SessionID)
	}
	if p.user.better(g.UserID, s, root) {
		p.UserID = t.texts.clone(g.UserID)
	}
	if root && !p.HasRoot {
		p.setRoot(s, g, &t.texts)
	}
}

// part finds or begins the part of the row's trace.
func (t *traces) part(row *schema.SpanRow) *tracePart {
	s := row.Span
	if t.last < len(t.parts) {
		if p := &t.parts[t.last]; p.TraceID == s.TraceID && p.Tenant == row.Tenant {
			return p
		}
	}
	key := traceKey{row.Tenant, s.TraceID}
	i, found := t.index[key]
	if !found {
		i = len(t.parts)
		t.parts = append(t.parts, tracePart{TracePart: schema.TracePart{
			Tenant: row.Tenant, TraceID: s.TraceID, ExperimentID: t.texts.clone(row.ExperimentID),
			ServiceName: t.texts.clone(row.GenAI.ServiceName), PartDay: row.PartDay, RetentionDays: row.RetentionDays,
			MinStart: s.StartUnixNano, MaxEnd: s.EndUnixNano,
		}})
		t.index[key] = i
	}
	t.last = i
	return &t.parts[i]
}

func (p *tracePart) count(s *schema.Span, g *schema.GenAI) {
	p.Spans++
	p.Eval = p.Eval || g.Eval
	if s.StatusCode == 2 {
		p.Errors++
	}
	if g.Kind == "LLM" {
		p.LLMCalls++
	}
	if g.Billable {
		p.InputTokens = addSaturating(p.InputTokens, g.InputTokens.N)
		p.OutputTokens = addSaturating(p.OutputTokens, g.OutputTokens.N)
	}
}

func (p *tracePart) setRoot(s *schema.Span, g *schema.GenAI, texts *texts) {
	p.HasRoot = true
	p.RootSpanID = s.SpanID
	p.RootName = texts.clone(s.Name)
	p.ServiceName = texts.clone(g.ServiceName)
	p.RootStatus = s.StatusCode
	p.RootStart, p.RootEnd = s.StartUnixNano, s.EndUnixNano
	p.InputPreview = texts.clone(preview(g.Input))
	p.OutputPreview = texts.clone(preview(g.Output))
}

// better reports whether a span's value replaces the one held, and if so holds
// its rank.
func (i *identity) better(value string, s *schema.Span, root bool) bool {
	if value == "" {
		return false
	}
	if i.set && (i.root && !root || i.root == root && i.start <= s.StartUnixNano) {
		return false
	}
	*i = identity{start: s.StartUnixNano, root: root, set: true}
	return true
}

// preview is the first previewRunes characters of text.
func preview(text string) string {
	if len(text) <= previewRunes {
		return text
	}
	if isASCII(text[:previewRunes]) {
		return text[:previewRunes]
	}
	n := 0
	for i := range len(text) {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		if n++; n > previewRunes {
			return text[:i]
		}
	}
	return text
}

func isASCII(text string) bool {
	for ; len(text) >= 8; text = text[8:] {
		if binary.LittleEndian.Uint64([]byte(text[:8]))&0x8080808080808080 != 0 {
			return false
		}
	}
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// addSaturating keeps an absurd client count from wrapping into a small one.
func addSaturating(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// tells is what a span says of its trace.
func tells(row *schema.SpanRow) (t schema.Tells) {
	g := row.GenAI
	says := func(what schema.Tells, is bool) {
		if is {
			t |= what
		}
	}
	says(schema.TellsUsage, g.InputTokens.Set || g.OutputTokens.Set || g.TotalTokens.Set)
	says(schema.TellsCost, g.CostNano.Set)
	says(schema.TellsSession, g.SessionID != "")
	says(schema.TellsUser, g.UserID != "")
	says(schema.TellsPrice, row.Cost.Computed.Set && g.InputTokens.N+g.OutputTokens.N > 0)
	if row.Span.ParentSpanID.IsZero() {
		says(schema.TellsInput, g.Input != "")
		says(schema.TellsOutput, g.Output != "")
		says(schema.TellsTags, slices.ContainsFunc(row.Span.Attrs, func(a schema.Attr) bool { return strings.HasPrefix(a.Key, schema.TraceTagPrefix) }))
	}
	return t
}

// resources makes the JSON of resource attributes, once for the spans of a record
// that have them in common. Records repeat each other: each text is kept once.
type resources struct {
	of     *schema.Resource
	offset int64
	last   string
	texts  map[string]string
	json   []byte
}

func (r *resources) text(row *schema.SpanRow) string {
	if r.of == row.Span.Resource && r.offset == row.Offset {
		return r.last
	}
	r.of, r.offset = row.Span.Resource, row.Offset
	r.json = otlp.AppendAttrsJSON(r.json[:0], row.Span.Resource.Attrs)
	known, ok := r.texts[string(r.json)]
	if !ok {
		known = string(r.json)
		r.texts[known] = known
	}
	r.last = known
	return known
}

// reset forgets the texts, whose traces are gone.
func (r *resources) reset() {
	if r.texts == nil {
		r.texts = make(map[string]string)
	}
	clear(r.texts)
	r.of, r.last = nil, ""
}

// maxResources is how many resources of a trace its row has.
const maxResources = 32

// addResource makes a resource the last of the part's. Where there are too many,
// readers have to look at the spans: these may say tags that the row has not.
func (p *tracePart) addResource(text string) {
	last := len(p.Resources) - 1
	if last >= 0 && p.Resources[last] == text {
		return
	}
	if at := slices.Index(p.Resources, text); at >= 0 {
		p.Resources = slices.Delete(p.Resources, at, at+1)
	}
	if len(p.Resources) == maxResources {
		p.Tells |= schema.TellsTags
		return
	}
	p.Resources = append(p.Resources, text)
}
