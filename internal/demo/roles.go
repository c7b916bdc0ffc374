package demo

import (
	"math"
	"strconv"
)

// fill gives the span its meaning, by role. Each role first says what happened
// (Want), then tell writes that down in the trace's dialect.
func (m *Maker) fill(what role) {
	switch what {
	case roleAgent, roleSubAgent:
		m.agent()
	case roleDoor:
		m.door()
	case roleWorkflow:
		m.workflow()
	case rolePlan:
		m.plan()
	case roleRetrieve:
		m.retrieve()
	case roleEmbed:
		m.embed()
	case roleChat:
		m.chat()
	case roleFailed:
		m.failed()
	case roleAgain:
		m.chat()
		m.add("app.attempt", I(2))
	case roleTool:
		m.tool()
	case rolePlain:
		m.plain()
	}
}

func (m *Maker) agent() {
	names := [...]string{"concierge", "researcher", "billing-helper", "triage", "writer", "critic", "scheduler", "analyst"}
	w := &m.span.Want
	w.Kind, w.Operation, w.Agent = "AGENT", "invoke_agent", names[m.random.below(len(names))]
	w.SessionID, w.UserID = m.head.session, m.head.user
	m.span.Name = m.join("invoke_agent ", w.Agent)
	m.span.Status = int32(m.random.below(2))
	m.tell(asMessages, 70, 70)
	if m.head.dialect == otelNow {
		m.add("gen_ai.agent.id", S(m.code("agent_")))
	}
	m.add("app.tags", m.list(S(m.head.language.code), S("beta"), I(int64(m.random.below(1000)))))
}

// door is the web request around an agent: it knows who asks, nothing else.
func (m *Maker) door() {
	w := &m.span.Want
	w.SessionID, w.UserID = m.head.session, m.head.user
	m.span.Name, m.span.Kind = "POST /v1/assist", 2
	m.add("http.request.method", S("POST"))
	m.add("http.route", S("/v1/assist"))
	m.add("http.response.status_code", I(200))
	m.add("client.address", S(m.address()))
	m.add("app.request.bytes", I(int64(m.random.below(50_000))))
	m.addText("session.id", w.SessionID)
	m.addText("user.id", w.UserID)
	m.add("app.note", S(m.message(60)))
}

func (m *Maker) workflow() {
	names := [...]string{"answer_question", "settle_claim", "compare_offers", "draft_reply", "review_contract"}
	w := &m.span.Want
	w.Kind, w.Operation = "WORKFLOW", "invoke_workflow"
	name := names[m.random.below(len(names))]
	m.span.Name = m.join("invoke_workflow ", name)
	m.tell(noContent, 0, 0)
	m.add("gen_ai.workflow.name", S(name))
	m.add("app.steps", m.list(S("gather"), S("think"), S("answer"), m.list(I(int64(m.random.below(100))), B(true), D(2))))
	m.add("app.goal", S(m.message(60)))
}

func (m *Maker) plan() {
	w := &m.span.Want
	w.Kind, w.Operation = "TASK", "plan"
	m.span.Name = "plan"
	m.tell(asMessages, 40, 80)
	m.add("app.plan.steps", I(int64(m.random.between(2, 9))))
	m.add("app.plan.confidence", D(float64(m.random.below(1000))/1000))
}

func (m *Maker) retrieve() {
	w, r := &m.span.Want, &m.random
	w.Kind, w.Operation = "RETRIEVER", "retrieval"
	m.span.Name, m.span.Kind = "retrieval kb-articles", 3
	m.tell(asDocuments, 40, 90)
	m.add("gen_ai.retrieval.top_k", I(3))
	m.add("app.index.probe", Blob(m.bytes(12)))
	m.add("app.recall", D(1))
	if r.chance(20) {
		m.event(m.span.Start+r.next()%1_000_000, "index.fallback", Attr{"index.name", S("kb-cold")}, Attr{"index.shard", I(int64(r.below(64)))})
	}
}

func (m *Maker) embed() {
	w, r, p := &m.span.Want, &m.random, m.head.provider
	w.Kind, w.Operation, w.Provider, w.Billable = "EMBEDDING", "embeddings", p.canonical, true
	w.RequestModel = p.models[r.below(len(p.models))].embedding
	w.InputTokens = int64(r.between(5, 900))
	m.span.Name, m.span.Kind = m.join("embeddings ", w.RequestModel), 3
	m.tell(noContent, 0, 0)
	m.add("gen_ai.embeddings.dimension.count", I(int64(256<<r.below(4))))
	m.add("app.vector.head", m.list(m.unit(), m.unit(), m.unit(), m.unit(), D(0), D(-1)))
	m.add("app.text", S(m.message(50)))
}

// chat is a model call that works.
func (m *Maker) chat() {
	w, r := &m.span.Want, &m.random
	m.call()
	w.InputTokens, w.OutputTokens = int64(r.between(17, 6000)), int64(r.between(1, 1500))
	if r.chance(30) {
		w.CacheReadTokens = w.InputTokens / int64(r.between(2, 5))
	}
	if r.chance(15) && m.head.dialect == otelNow {
		w.ReasoningTokens = w.OutputTokens / 2
	}
	m.tell(asMessages, 90, 80)
	m.parameters()
	if m.head.dialect != mlflow {
		m.add("gen_ai.response.id", S(m.code("resp_")))
		w.Finish = "stop"
		m.add("gen_ai.response.finish_reasons", m.list(S(w.Finish)))
	}
	if r.chance(40) {
		m.stream()
	}
}

// call says which model of the trace's provider is asked.
func (m *Maker) call() {
	w, p := &m.span.Want, m.head.provider
	asked := &p.models[m.random.below(len(p.models))]
	w.Kind, w.Operation, w.Provider, w.Billable = "LLM", "chat", p.canonical, true
	w.RequestModel, w.ResponseModel = asked.request, asked.response
	if m.head.dialect != mlflow {
		w.SessionID = m.head.session
	}
	m.span.Name, m.span.Kind = m.join("chat ", asked.request), 3
}

func (m *Maker) parameters() {
	r, p := &m.random, m.head.provider
	m.add("gen_ai.request.temperature", D(float64(r.below(11))/10))
	m.add("gen_ai.request.max_tokens", I(int64(256<<r.below(5))))
	if r.chance(30) {
		m.add("gen_ai.request.top_p", D(1))
		m.add("gen_ai.request.stop_sequences", m.list(S("\n\n"), S("END")))
	}
	m.add("server.address", S(p.address))
	if r.chance(50) {
		m.add("server.port", I(p.port))
	}
}

// stream makes the call a streaming one: when did the first token come?
func (m *Maker) stream() {
	wait := (m.span.End - m.span.Start) / uint64(m.random.between(4, 20))
	m.span.Want.FirstToken = int64(wait)
	m.add("gen_ai.request.stream", B(true))
	m.add("gen_ai.response.time_to_first_chunk", D(float64(wait)/1e9))
	m.event(m.span.Start+wait, "gen_ai.first_chunk", Attr{"chunk.bytes", I(int64(m.random.between(1, 40)))})
}

// failed is a model call that the provider refuses or loses.
func (m *Maker) failed() {
	failures := [...]struct{ class, text string }{
		{"RateLimitError", "Rate limit reached for requests per minute. Limit 500, used 500. Try again in 1.2s, request "},
		{"APITimeoutError", "The request timed out after 30.0 s, request "},
		{"ContentFilterError", "The response was filtered by the content policy (category: violence), request "},
		{"OverloadedError", "The engine is currently overloaded, please try again later, request "},
	}
	f := failures[m.random.below(len(failures))]
	m.call()
	m.span.Want.ResponseModel = "" // nobody answered
	m.span.Want.ErrorType = f.class
	m.tell(asMessages, 80, 0)
	m.parameters()
	m.fails(f.class, f.text)
}

// fails gives the span its error: status, attribute and exception event.
func (m *Maker) fails(class, text string) {
	m.span.Status = 2
	m.span.StatusMessage = m.join(text, m.code("req_"))
	m.add("error.type", S(class))
	m.span.Want.ErrorType = class
	m.arena.start()
	m.arena.text("Traceback (most recent call last):\n  File \"/app/client.py\", line ")
	m.arena.decimal(uint64(m.random.between(20, 900)))
	m.arena.text(", in send\n    raise ")
	m.arena.text(class)
	stack := m.arena.end()
	m.event(m.span.End-1000, "exception",
		Attr{"exception.type", S(class)}, Attr{"exception.message", S(m.span.StatusMessage)},
		Attr{"exception.stacktrace", S(stack)}, Attr{"exception.escaped", B(false)})
}

func (m *Maker) tool() {
	names := [...]string{
		"lookup_order", "refund_payment", "search_flights", "get_weather", "create_ticket",
		"run_sql", "send_email", "convert_currency", "book_room", "check_stock",
	}
	w, r := &m.span.Want, &m.random
	w.Kind, w.Operation, w.Tool = "TOOL", "execute_tool", names[r.below(len(names))]
	m.span.Name = m.join("execute_tool ", w.Tool)
	m.span.Status = 1
	broken := r.chance(4)
	answer := 60
	if broken {
		answer = 0
	}
	m.tell(asArguments, 45, answer)
	m.add("gen_ai.tool.call.id", S(m.code("call_")))
	m.add("app.tool.cached", B(r.chance(30)))
	if broken {
		m.fails("ToolError", "The tool gave up, request ")
	}
}

// plain is a span of the application itself, with every type of value.
func (m *Maker) plain() {
	r := &m.random
	m.span.Name, m.span.Kind = "GET", 3
	m.add("http.request.method", S("GET"))
	m.add("url.full", S(m.join("https://api.internal/v2/items/", m.code(""))))
	m.add("http.response.status_code", I(int64(200+4*r.below(2))))
	m.add("network.protocol.version", S("1.1"))
	m.add("app.cache.hit", B(r.chance(50)))
	m.add("app.offset", I(-int64(r.next()>>1)))
	switch r.below(6) {
	case 0:
		m.add("app.digest", Blob(m.bytes(20)))
		m.add("app.ratio", D(math.NaN()))
	case 1:
		m.add("app.nothing", Value{})
		m.add("app.limits", m.list(D(math.Inf(1)), I(math.MaxInt64), I(math.MinInt64), Value{}, Blob(m.bytes(5))))
	case 2:
		m.add("app.timings_ms", m.list(I(int64(r.below(90))), I(int64(r.below(90))), D(float64(r.below(90)))))
		m.add("app.empty_list", m.list())
	case 3:
		m.add("app.shape", m.kv(
			Attr{"zone", S("eu-west-1")}, Attr{"weight", D(1)}, Attr{"count", I(1)}, Attr{"hot", B(true)},
			Attr{"inner", m.kv(Attr{"depth", m.list(m.kv(Attr{"leaf", S("a \"quoted\" \\ leaf\t\u2028")}))}, Attr{"none", m.kv()})}))
	case 4:
		m.add("app.blank", S(""))
		m.add("app.tiny", D(5e-324))
		m.add("app.big", D(1e300))
	default:
		m.add("app.note", S(m.message(40)))
	}
	m.add("app.remark", S(m.message(40)))
}

// unit is a number in [-1, 1) with all its digits.
func (m *Maker) unit() Value { return D(float64(int64(m.random.next()>>11))/(1<<52) - 1) }

func (m *Maker) bytes(n int) string {
	m.arena.start()
	for range n {
		m.arena.buf = append(m.arena.buf, byte(m.random.next()))
	}
	return m.arena.end()
}

// address is an IPv4 address.
func (m *Maker) address() string {
	bits := m.random.next()
	m.arena.start()
	m.arena.text("10")
	for range 3 {
		m.arena.buf = strconv.AppendUint(append(m.arena.buf, '.'), bits&255, 10)
		bits >>= 8
	}
	return m.arena.end()
}
