package custom

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Bounds of the texts that expressions see, in bytes.
const (
	MaxText    = 1 << 10
	MaxContent = 2 << 10
)

// Told is what a span tells beside its own fields, as the aggregator has it.
type Told struct {
	Tenant, Service, Name, Tool, Experiment string
	Class                                   string // of its error
	Eval, Root                              bool
	Cost                                    schema.Count // 1e-9 US dollars
}

// variable is a name that expressions may use.
type variable struct {
	name    string
	typ     *cel.Type
	about   string
	content bool // what spans take in or give out
	of      func(*Input) ref.Val
}

// variables are all of them; a name never changes its meaning.
var variables = []variable{
	{name: "tenant", typ: cel.StringType, about: "whose span it is", of: func(in *Input) ref.Val { return in.text(in.told.Tenant) }},
	{name: "service", typ: cel.StringType, about: "service.name", of: func(in *Input) ref.Val { return in.text(in.told.Service) }},
	{name: "name", typ: cel.StringType, about: "the span's name without ids and long numbers", of: func(in *Input) ref.Val { return in.text(in.told.Name) }},
	{name: "kind", typ: cel.StringType, about: "LLM, TOOL, RETRIEVER, AGENT, …", of: func(in *Input) ref.Val { return in.text(in.genAI.Kind) }},
	{name: "operation", typ: cel.StringType, about: "chat, embeddings, execute_tool, …", of: func(in *Input) ref.Val { return in.text(in.genAI.Operation) }},
	{name: "provider", typ: cel.StringType, about: "openai, anthropic, …", of: func(in *Input) ref.Val { return in.text(in.genAI.Provider) }},
	{name: "model", typ: cel.StringType, about: "the model that answered", of: func(in *Input) ref.Val { return in.text(in.genAI.Model) }},
	{name: "tool", typ: cel.StringType, about: "the tool's name", of: func(in *Input) ref.Val { return in.text(in.told.Tool) }},
	{name: "agent", typ: cel.StringType, about: "the agent's name", of: func(in *Input) ref.Val { return in.text(in.genAI.AgentName) }},
	{name: "environment", typ: cel.StringType, about: "production, staging, …", of: func(in *Input) ref.Val { return in.text(in.genAI.Environment) }},
	{name: "release", typ: cel.StringType, about: "the application's release", of: func(in *Input) ref.Val { return in.text(in.genAI.Release) }},
	{name: "experiment", typ: cel.StringType, about: "the experiment's id", of: func(in *Input) ref.Val { return in.text(in.told.Experiment) }},
	{name: "user", typ: cel.StringType, about: "the user's id", of: func(in *Input) ref.Val { return in.text(in.genAI.UserID) }},
	{name: "session", typ: cel.StringType, about: "the session's id", of: func(in *Input) ref.Val { return in.text(in.genAI.SessionID) }},
	{name: "prompt_name", typ: cel.StringType, about: "the prompt's name in its registry", of: func(in *Input) ref.Val { return in.text(in.genAI.PromptName) }},
	{name: "finish_reason", typ: cel.StringType, about: "why the model stopped, of its first choice", of: func(in *Input) ref.Val { return in.text(first(in.genAI.FinishReasons)) }},
	{name: "status", typ: cel.StringType, about: "OK, ERROR or UNSET", of: func(in *Input) ref.Val { return in.text(statusNames[min(in.span.StatusCode, 3)]) }},
	{name: "error_class", typ: cel.StringType, about: "rate_limit, timeout, …; empty if it did not fail", of: func(in *Input) ref.Val { return in.text(in.told.Class) }},
	{name: "eval", typ: cel.BoolType, about: "it belongs to an evaluation", of: func(in *Input) ref.Val { return types.Bool(in.told.Eval) }},
	{name: "root", typ: cel.BoolType, about: "it has no parent", of: func(in *Input) ref.Val { return types.Bool(in.told.Root) }},
	{name: "streamed", typ: cel.BoolType, about: "the answer was streamed", of: func(in *Input) ref.Val { return types.Bool(in.genAI.Stream) }},
	{name: "duration", typ: cel.DurationType, about: "end minus start", of: func(in *Input) ref.Val { return lasting(in.span.EndUnixNano, in.span.StartUnixNano) }},
	{name: "time_to_first_token", typ: cel.DurationType, about: "0s if it is not told", of: func(in *Input) ref.Val { return lasting(in.genAI.TTFTNs.N, 0) }},
	{name: "input_tokens", typ: cel.IntType, about: "0 if it is not told, as the others", of: func(in *Input) ref.Val { return whole(in.genAI.InputTokens) }},
	{name: "output_tokens", typ: cel.IntType, about: "", of: func(in *Input) ref.Val { return whole(in.genAI.OutputTokens) }},
	{name: "cache_read_tokens", typ: cel.IntType, about: "", of: func(in *Input) ref.Val { return whole(in.genAI.CacheReadTokens) }},
	{name: "cache_write_tokens", typ: cel.IntType, about: "", of: func(in *Input) ref.Val { return whole(in.genAI.CacheWriteTokens) }},
	{name: "reasoning_tokens", typ: cel.IntType, about: "", of: func(in *Input) ref.Val { return whole(in.genAI.ReasoningTokens) }},
	{name: "cost", typ: cel.DoubleType, about: "US dollars", of: func(in *Input) ref.Val { return types.Double(float64(in.told.Cost.N) / 1e9) }},
	{name: "input", typ: cel.StringType, content: true, about: "what it took in: its beginning", of: func(in *Input) ref.Val { return types.String(cut(in.genAI.Input, MaxContent)) }},
	{name: "output", typ: cel.StringType, content: true, about: "what it gave out: its beginning", of: func(in *Input) ref.Val { return types.String(cut(in.genAI.Output, MaxContent)) }},
	{name: "attrs", typ: attributesType, about: "its attributes", of: func(in *Input) ref.Val { return &in.attrs }},
	{name: "resource", typ: attributesType, about: "its resource's attributes", of: func(in *Input) ref.Val { return &in.resource }},
}

// statusNames by OTLP's codes.
var statusNames = [...]string{"UNSET", "OK", "ERROR", "UNSET"}

// places of the variables by name.
var places = func() map[string]int {
	m := make(map[string]int, len(variables))
	for i := range variables {
		m[variables[i].name] = i
	}
	return m
}()

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func lasting(end, start uint64) ref.Val {
	if start > end || end-start > 1<<62 {
		return types.Duration{}
	}
	return types.Duration{Duration: time.Duration(end - start)}
}

func whole(c schema.Count) ref.Val { return types.Int(min(c.N, 1<<62)) }

// cut is a text's beginning, in whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 {
		most--
	}
	return text[:most]
}
