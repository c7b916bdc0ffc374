package demo

// Generator makes traces. It is immutable and may be shared; each goroutine
// makes spans with a Maker of its own.
type Generator struct {
	opts      Options
	ids       identity
	words     *vocabulary
	resources []Resource
	scopes    [dialects]scopePair
	// textBytes is the length of an average text at the asked SpanBytes.
	textBytes int
}

// NewGenerator gives the generator of these options.
func NewGenerator(o Options) (*Generator, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Generator{
		opts:      o,
		ids:       newIdentity(o.Seed),
		words:     loadVocabulary(),
		resources: makeResources(),
		scopes:    makeScopes(),
		textBytes: (o.SpanBytes - fixedBytes) * textShare / 100,
	}, nil
}

// Options are what the generator was made with.
func (g *Generator) Options() Options { return g.opts }

// TraceID is the id of trace i.
func (g *Generator) TraceID(i uint64) [16]byte { return g.ids.traceID(i) }

// TraceNumber inverts TraceID; false for an id that is not of this generator.
func (g *Generator) TraceNumber(id [16]byte) (i uint64, ok bool) { return g.ids.traceOf(id) }

// SpanIndex tells which span of trace i has this id; false if none has.
func (g *Generator) SpanIndex(i uint64, id [8]byte) (s uint32, ok bool) {
	n := g.ids.spanOf(i, id)
	return uint32(n), n < uint64(g.Size(i))
}

// What an average span has besides its texts, and how many average texts make
// up the rest, in percent (measured; TestSpanSize holds them to SpanBytes).
const (
	fixedBytes = 650
	textShare  = 94
)

// seed begins the random stream that belongs to a span, or with salt to
// something else of a trace.
func (g *Generator) seed(i, salt uint64) random {
	return random(mulFold(i^g.ids.key, salt^0x8ebc6af09c88c6e3) ^ i)
}

// Salts of streams that belong to no span; a span's salt is its index.
const (
	saltSize = (iota + 1) << 32
	saltTrace
	saltSession
	saltBlock // and the number of the block
)

// Size is the number of spans of trace i, 8 on average: most traces are short,
// a few are long, and every HugeEvery-th is huge.
func (g *Generator) Size(i uint64) uint32 {
	if g.opts.HugeEvery > 0 && (i+1)%g.opts.HugeEvery == 0 {
		return g.opts.HugeSpans
	}
	r := g.seed(i, saltSize)
	switch p := r.below(1000); {
	case p < 100: // one call, nothing around it
		return 1
	case p < 700:
		return uint32(r.between(4, 9))
	case p < 955:
		return uint32(r.between(9, 13))
	case p < 995:
		return uint32(r.between(14, 36))
	default: // heavy tail: at most 2000
		return uint32(40_000 / (20 + r.below(1000)))
	}
}

// dialect is the naming convention an application was instrumented with.
type dialect uint8

const (
	otelNow dialect = iota
	otelOld         // before v1.27: gen_ai.system, prompt_tokens
	mlflow          // the MLflow SDK's OTLP exporter: every value is JSON text
	dialects
)

// trace is what all spans of a trace share.
type trace struct {
	number   uint64
	id       [16]byte
	size     uint32
	dialect  dialect
	language *language
	resource *Resource
	scopes   *scopePair
	provider *provider
	start    uint64
	block    uint64 // nanoseconds that a block of spans takes

	session, user string
	experiment    string
	state         string
}

// trace makes the head of trace i. Its strings live in the maker's second
// arena, which is emptied here: a head outlives a span.
func (m *Maker) trace(i uint64) {
	g := m.g
	r := g.seed(i, saltTrace)
	t := &m.head
	*t = trace{number: i, id: g.ids.traceID(i), size: g.Size(i)}
	m.kept.reset()

	switch p := r.below(100); {
	case p < 70:
		t.dialect = otelNow
	case p < 85:
		t.dialect = otelOld
	default:
		t.dialect = mlflow
	}
	t.resource = &g.resources[r.below(len(g.resources))]
	t.scopes = &g.scopes[t.dialect]
	t.provider = &providers[r.below(len(providers))]
	t.language = g.words.pick(r.below(100))
	t.start = g.opts.BaseUnixNano + i*g.opts.SpacingNano + r.next()%1_000_000
	t.block = 400_000_000 + r.next()%3_000_000_000
	t.experiment = g.opts.Experiment
	if t.experiment == "" {
		t.experiment = "0"
	}
	if r.chance(8) {
		m.kept.start()
		m.kept.text("acme=r:")
		m.kept.base32(r.next() >> 30)
		t.state = m.kept.end()
	}
	if !r.chance(15) {
		m.sessionOf(i, &r)
	}
}

// sessionOf puts trace i into one of the sessions that are open around it. A
// session has one user and about 5 traces; most users come back.
func (m *Maker) sessionOf(i uint64, r *random) {
	const together, open = 128, 25 // traces that share their open sessions
	number := i/together*open + uint64(r.below(open))
	s := m.g.seed(number, saltSession)

	m.kept.start()
	m.kept.text("sess-")
	m.kept.base32(mix(number ^ m.g.ids.key))
	m.head.session = m.kept.end()

	m.kept.start()
	m.kept.text("user-")
	if s.chance(80) { // few return often, many now and then
		a := uint64(s.below(4000))
		m.kept.decimal(10_000 + a*uint64(s.below(4000))/4000)
	} else {
		m.kept.base32(s.next() >> 20)
	}
	m.head.user = m.kept.end()
}

// role is what a span does in its trace.
type role uint8

const (
	roleAgent    role = iota
	roleDoor          // HTTP server span around the agent
	roleSubAgent      // an agent called by another
	roleWorkflow
	rolePlan
	roleRetrieve
	roleEmbed
	roleChat
	roleFailed // a chat call that fails; the next one tries again
	roleAgain
	roleTool
	rolePlain // a span without GenAI meaning
)

// A trace is its root and blocks of spans. The first span of a block is a child
// of the root; parents of the others are positions in the block. Blocks are
// chosen at random, the last is cut where the trace ends: a parent always comes
// before its children.
const blockSpans = 8

type place struct {
	role   role
	parent int
}

type blockPlan [blockSpans]place

var blockPlans = [...]blockPlan{
	{{roleWorkflow, 0}, {roleEmbed, 0}, {roleRetrieve, 0}, {roleChat, 0}, {roleTool, 3}, {rolePlain, 4}, {roleTool, 3}, {roleChat, 0}},
	{{rolePlan, 0}, {roleChat, 0}, {roleTool, 0}, {rolePlain, 2}, {roleTool, 0}, {roleChat, 0}, {roleRetrieve, 0}, {roleChat, 0}},
	{{roleWorkflow, 0}, {roleFailed, 0}, {roleAgain, 0}, {roleTool, 2}, {roleTool, 2}, {roleChat, 0}, {rolePlain, 0}, {roleChat, 0}},
	{{roleSubAgent, 0}, {roleRetrieve, 0}, {roleChat, 0}, {roleTool, 2}, {rolePlain, 3}, {roleChat, 0}, {roleEmbed, 0}, {rolePlain, 6}},
	{{roleChat, 0}, {roleTool, 0}, {rolePlain, 1}, {roleTool, 0}, {roleTool, 0}, {roleRetrieve, 0}, {roleEmbed, 5}, {rolePlain, 5}},
}

// place says what span s of the trace does, and who its parent is.
func (m *Maker) place(s uint32) (what role, parent uint32) {
	r := m.g.seed(m.head.number, saltBlock)
	if s == 0 {
		switch {
		case m.head.size == 1:
			return roleChat, 0
		case r.chance(20):
			return roleDoor, 0
		default:
			return roleAgent, 0
		}
	}
	block, at := (s-1)/blockSpans, (s-1)%blockSpans
	r = m.g.seed(m.head.number, saltBlock+1+uint64(block))
	p := blockPlans[r.below(len(blockPlans))][at]
	if at == 0 {
		return p.role, 0
	}
	return p.role, block*blockSpans + 1 + uint32(p.parent)
}

// times places a span in its trace: the blocks follow each other, the spans of
// a block too, and who has children lasts as long as they do.
func (m *Maker) times(s uint32, what role, r *random) (start, end uint64) {
	t := &m.head
	if s == 0 {
		blocks := uint64(t.size+blockSpans-2) / blockSpans
		return t.start, t.start + blocks*t.block + 3_000_000 + r.next()%5_000_000
	}
	slot := t.block / (blockSpans + 2)
	at := uint64(s-1) % blockSpans
	start = t.start + 1_000_000 + uint64(s-1)/blockSpans*t.block + at*slot + r.next()%(slot/8)
	length := slot/2 + r.next()%(slot/4)
	if at == 0 || what == roleTool {
		length = (blockSpans-at)*slot + r.next()%(slot/4)
	}
	return start, start + length
}
