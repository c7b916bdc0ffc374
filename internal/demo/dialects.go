package demo

// form is how a role's content looks.
type form uint8

const (
	noContent   form = iota
	asMessages       // conversations
	asArguments      // a tool's arguments and result
	asDocuments      // a query and what it found
)

// otelNames are the attributes whose names changed between the OpenTelemetry
// dialects; content is by form.
type otelNames struct {
	provider, inputUsage, outputUsage string
	input, output                     [4]string
	session, user                     string
}

func namesOf(d dialect) *otelNames {
	if d == otelOld {
		return &oldNames
	}
	return &newNames
}

var newNames = otelNames{
	provider:   "gen_ai.provider.name",
	inputUsage: "gen_ai.usage.input_tokens", outputUsage: "gen_ai.usage.output_tokens",
	input: [...]string{
		asMessages: "gen_ai.input.messages", asArguments: "gen_ai.tool.call.arguments",
		asDocuments: "gen_ai.retrieval.query.text",
	},
	output: [...]string{
		asMessages: "gen_ai.output.messages", asArguments: "gen_ai.tool.call.result",
		asDocuments: "gen_ai.retrieval.documents",
	},
	session: "gen_ai.conversation.id", user: "user.id",
}

var oldNames = otelNames{
	provider:   "gen_ai.system",
	inputUsage: "gen_ai.usage.prompt_tokens", outputUsage: "gen_ai.usage.completion_tokens",
	input: [...]string{
		asMessages: "gen_ai.prompt", asArguments: "gen_ai.tool.call.arguments", asDocuments: "gen_ai.retrieval.query.text",
	},
	output: [...]string{
		asMessages: "gen_ai.completion", asArguments: "gen_ai.tool.call.result", asDocuments: "gen_ai.retrieval.documents",
	},
	session: "session.id", user: "enduser.id",
}

// tell writes what Want says, and content of about the given percentages of an
// average text (0: none), in the trace's dialect. What the dialect has no word
// for leaves Want.
func (m *Maker) tell(f form, input, output int) {
	if m.head.dialect == mlflow {
		m.tellMLflow(f, input, output)
		return
	}
	w, n := &m.span.Want, namesOf(m.head.dialect)
	w.Family = "otel_genai"
	m.addText("gen_ai.operation.name", w.Operation)
	if w.Provider != "" {
		m.add(n.provider, S(m.head.provider.spelled[m.head.dialect]))
	}
	m.addText("gen_ai.request.model", w.RequestModel)
	m.addText("gen_ai.response.model", w.ResponseModel)
	m.addText("gen_ai.agent.name", w.Agent)
	m.addText("gen_ai.tool.name", w.Tool)
	m.addText(n.session, w.SessionID)
	m.addText(n.user, w.UserID)
	m.addCount(n.inputUsage, w.InputTokens)
	m.addCount(n.outputUsage, w.OutputTokens)
	m.addCount("gen_ai.usage.cache_read.input_tokens", w.CacheReadTokens)
	m.addCount("gen_ai.usage.reasoning.output_tokens", w.ReasoningTokens)

	structured := m.head.dialect == otelNow && m.random.chance(12)
	if f != noContent && input > 0 {
		m.addContent(&w.Input, n.input[f], m.content(f, structured && f != asDocuments, false, input))
	}
	if f != noContent && output > 0 {
		m.addContent(&w.Output, n.output[f], m.content(f, structured, true, output))
	}
}

// addContent adds content as an attribute, which the table holds as content.
func (m *Maker) addContent(c *Content, key string, v Value) {
	m.add(key, v)
	c.Key = key
	if v.Type == String {
		c.Text = v.Text
	} else {
		c.Value = &m.attrs[len(m.attrs)-1].Value
	}
}

// content makes content of a form, as JSON text or as an OTLP value.
func (m *Maker) content(f form, structured, answer bool, percent int) Value {
	switch {
	case f == asDocuments && !answer:
		return S(m.message(percent))
	case f == asDocuments && structured:
		return m.list(m.document(percent/2), m.document(percent/2))
	case f == asDocuments:
		return S(m.documentsText(percent))
	case f == asArguments && structured:
		return m.kv(Attr{"id", S(m.code(""))}, Attr{"limit", I(int64(m.random.below(50)))}, Attr{"dry_run", B(false)},
			Attr{"min_score", D(0.5)}, Attr{"comment", S(m.message(percent))})
	case f == asArguments:
		return S(m.argumentsText(percent))
	case structured:
		return m.list(m.kv(Attr{"role", S(speaker(answer))},
			Attr{"parts", m.list(m.kv(Attr{"type", S("text")}, Attr{"content", S(m.message(percent))}))}))
	default:
		return S(m.messagesText(answer, percent))
	}
}

func speaker(answer bool) string {
	if answer {
		return "assistant"
	}
	return "user"
}

// Below, JSON texts. The prose in them needs no escaping but for its line
// breaks, which are written as JSON has them.
const jsonBreak = `.\n`

// messagesText is a conversation; questions sometimes come with what was said
// before.
func (m *Maker) messagesText(answer bool, percent int) string {
	whole := m.length(percent)
	history := !answer && m.random.chance(40)
	m.arena.start()
	m.arena.text(`[{"role":"`)
	if history {
		m.arena.text(`system","parts":[{"type":"text","content":"`)
		m.prose(whole/3, jsonBreak)
		m.arena.text(`"}]},{"role":"`)
		whole -= whole / 3
	}
	m.arena.text(speaker(answer))
	m.arena.text(`","parts":[{"type":"text","content":"`)
	m.prose(whole, jsonBreak)
	m.arena.text(`"}]}]`)
	return m.arena.end()
}

func (m *Maker) argumentsText(percent int) string {
	size := m.length(percent)
	m.arena.start()
	m.arena.text(`{"id": "`)
	m.arena.base32(m.random.next())
	m.arena.text(`", "limit": `)
	m.arena.decimal(uint64(m.random.below(50)))
	m.arena.text(`, "comment": "`)
	m.prose(size, jsonBreak)
	m.arena.text(`"}`)
	return m.arena.end()
}

// document is what a retrieval found, as a value; documentsText three of them
// as JSON.
func (m *Maker) document(percent int) Value {
	return m.kv(Attr{"id", S(m.code("doc-"))}, Attr{"score", m.unit()}, Attr{"content", S(m.message(percent))},
		Attr{"metadata", m.kv(Attr{"page", I(int64(m.random.below(400)))}, Attr{"final", B(true)})})
}

func (m *Maker) documentsText(percent int) string {
	size := m.length(percent)
	for i := range 3 {
		if i == 0 {
			m.arena.start()
			m.arena.text(`[{"id":"doc-`)
		} else {
			m.arena.text(`,{"id":"doc-`)
		}
		m.arena.decimal(m.random.next() >> 40)
		m.arena.text(`","score":0.`)
		m.arena.decimal(uint64(m.random.between(100_000, 999_999)))
		m.arena.text(`,"content":"`)
		m.prose(size/3, jsonBreak)
		m.arena.text(`"}`)
	}
	m.arena.text(`]`)
	return m.arena.end()
}

// tellMLflow writes the span as the MLflow SDK's OTLP exporter does: each value
// is JSON text. It knows no operation, and only the model that was asked.
func (m *Maker) tellMLflow(f form, input, output int) {
	w := &m.span.Want
	w.Family = "mlflow"
	kind := w.Kind
	if kind == "LLM" {
		kind = "CHAT_MODEL"
	}
	m.arena.start()
	m.arena.text(`"`)
	m.traceHex()
	m.arena.text(`"`)
	m.add("mlflow.traceRequestId", S(m.arena.end()))
	m.add("mlflow.spanType", S(m.join(`"`, kind, `"`)))
	m.add("mlflow.spanLogLevel", S("20"))
	if w.Operation != "" {
		m.add("mlflow.spanFunctionName", S(m.join(`"`, w.Operation, `"`)))
	}
	w.Operation, w.ResponseModel, w.Agent, w.Tool = "", "", "", ""
	if w.Provider != "" {
		m.add("mlflow.llm.provider", S(m.join(`"`, m.head.provider.spelled[mlflow], `"`)))
	}
	if w.RequestModel != "" {
		m.add("mlflow.llm.model", S(m.join(`"`, w.RequestModel, `"`)))
	}
	m.addText("session.id", w.SessionID)
	m.addText("user.id", w.UserID)
	if m.g.opts.Experiment == "" {
		w.Experiment = experiments[len(m.head.resource.Service)%len(experiments)]
		m.add("mlflow.experimentId", S(m.join(`"`, w.Experiment, `"`)))
	}
	if w.InputTokens >= 0 {
		m.mlflowUsage()
	}
	if f != noContent && input > 0 {
		m.addContent(&w.Input, "mlflow.spanInputs", S(m.mlflowInputs(input)))
	}
	if f != noContent && output > 0 {
		m.mlflowOutputs(f, output)
	}
}

// experiments that the traces of MLflow applications belong to.
var experiments = [...]string{"0", "1", "17", "284001"}

func (m *Maker) mlflowUsage() {
	w := &m.span.Want
	w.OutputTokens = max(w.OutputTokens, 0)
	w.TotalTokens = w.InputTokens + w.OutputTokens
	m.arena.start()
	m.arena.text(`{"input_tokens": `)
	m.arena.decimal(uint64(w.InputTokens))
	m.arena.text(`, "output_tokens": `)
	m.arena.decimal(uint64(w.OutputTokens))
	m.arena.text(`, "total_tokens": `)
	m.arena.decimal(uint64(w.TotalTokens))
	if w.CacheReadTokens >= 0 {
		m.arena.text(`, "cache_read_input_tokens": `)
		m.arena.decimal(uint64(w.CacheReadTokens))
	}
	m.arena.text(`}`)
	m.add("mlflow.chat.tokenUsage", S(m.arena.end()))
}

func (m *Maker) mlflowInputs(percent int) string {
	size := m.length(percent)
	m.arena.start()
	m.arena.text(`{"messages": [{"role": "user", "content": "`)
	m.prose(size, jsonBreak)
	m.arena.text(`"}], "temperature": 0.2}`)
	return m.arena.end()
}

// mlflowOutputs answers with a JSON object, with a list of documents, or with a
// mere string: then the answer is what the JSON string says, and the attribute,
// which says it differently, is kept as well.
func (m *Maker) mlflowOutputs(f form, percent int) {
	out := &m.span.Want.Output
	switch {
	case f == asDocuments:
		m.addContent(out, "mlflow.spanOutputs", S(m.documentsText(percent)))
	case m.random.chance(50):
		size := m.length(percent)
		m.arena.start()
		m.arena.text(`{"role": "assistant", "content": "`)
		m.prose(size, jsonBreak)
		m.arena.text(`"}`)
		m.addContent(out, "mlflow.spanOutputs", S(m.arena.end()))
	default:
		out.Text = m.message(percent)
		m.add("mlflow.spanOutputs", S(m.quote(out.Text)))
	}
}

// quote makes the JSON string of prose.
func (m *Maker) quote(text string) string {
	m.arena.start()
	m.arena.text(`"`)
	for i := range len(text) {
		if text[i] == '\n' {
			m.arena.text(`\n`)
		} else {
			m.arena.buf = append(m.arena.buf, text[i])
		}
	}
	m.arena.text(`"`)
	return m.arena.end()
}
