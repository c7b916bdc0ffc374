package llmfake

import (
	"encoding/json"
	"net/http"
)

// openAI is the way of an OpenAI request: read, answer, word.
func openAI(
	parse func(*http.Request) (asked, *failure),
	word func(asked, answer) object,
	wordStream func(*stream, asked, answer),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "req_fake")
		failed := refusedKey(bearer(r))
		var q asked
		if failed == nil {
			q, failed = parse(r)
		}
		var a answer
		if failed == nil {
			a, failed = reply(q.prompt)
		}
		switch {
		case failed != nil:
			writeJSON(w, failed.status, failed.openAI())
		case q.stream:
			wordStream(newStream(w, a.broken), q, a)
		default:
			writeJSON(w, http.StatusOK, word(q, a))
		}
	}
}

// chatRequest is the part of a chat completion request that the script reads.
type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content text   `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Function struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ResponseFormat struct {
		JSONSchema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	MaxTokens           int `json:"max_tokens"`
	MaxCompletionTokens int `json:"max_completion_tokens"`
	N                   int `json:"n"`
}

func chatPrompt(r *http.Request) (asked, *failure) {
	var c chatRequest
	body, failed := read(r, &c)
	if failed != nil {
		return asked{}, failed
	}
	if c.Model == "" || len(c.Messages) == 0 {
		return asked{}, badRequest("you must provide a model parameter and messages")
	}
	q := asked{stream: c.Stream, withUsage: c.StreamOptions.IncludeUsage, choices: max(c.N, 1), prompt: prompt{
		model: c.Model, schema: c.ResponseFormat.JSONSchema.Schema, maxTokens: max(c.MaxTokens, c.MaxCompletionTokens), seed: body,
	}}
	for _, m := range c.Messages {
		if m.Role == "system" || m.Role == "developer" {
			q.prompt.system += string(m.Content)
		} else {
			q.prompt.turns = append(q.prompt.turns, turn{role: m.Role, text: string(m.Content)})
		}
	}
	for _, t := range c.Tools {
		q.prompt.tools = append(q.prompt.tools, tool{t.Function.Name, t.Function.Parameters})
	}
	return q, nil
}

func chatAnswer(q asked, a answer) object {
	message := object{"role": "assistant", "content": a.text, "refusal": nil, "annotations": []any{}}
	if len(a.calls) > 0 {
		message["content"] = nil
		message["tool_calls"] = chatCalls(a)
	}
	choices := make([]any, q.choices)
	for i := range choices {
		choices[i] = object{"index": i, "message": message, "finish_reason": chatFinish(a), "logprobs": nil}
	}
	out := chatHead(a, "chat.completion")
	out["choices"], out["usage"] = choices, chatUsage(a.usage)
	return out
}

func chatHead(a answer, kind string) object {
	return object{
		"id": "chatcmpl-" + a.id, "object": kind, "created": created.Unix(), "model": a.model,
		"service_tier": "default", "system_fingerprint": "fp_fake",
	}
}

func chatCalls(a answer) []any {
	var calls []any
	for i, c := range a.calls {
		calls = append(calls, object{
			"index": i, "id": "call_" + c.id, "type": "function",
			"function": object{"name": c.name, "arguments": string(c.arguments)},
		})
	}
	return calls
}

func chatFinish(a answer) string {
	switch {
	case len(a.calls) > 0:
		return "tool_calls"
	case a.cut:
		return "length"
	}
	return "stop"
}

func chatUsage(u usage) object {
	return object{
		"prompt_tokens": u.input, "completion_tokens": u.output, "total_tokens": u.input + u.output,
		"prompt_tokens_details":     object{"cached_tokens": u.blocks, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": u.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func chatStream(s *stream, q asked, a answer) {
	chunk := func(delta object, finish any) {
		c := chatHead(a, "chat.completion.chunk")
		c["choices"] = []any{object{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": nil}}
		s.send("", c)
	}
	chunk(object{"role": "assistant", "content": ""}, nil)
	for _, piece := range pieces(a.text) {
		chunk(object{"content": piece}, nil)
		s.halfway()
	}
	for i, c := range a.calls {
		start := object{"index": i, "id": "call_" + c.id, "type": "function", "function": object{"name": c.name, "arguments": ""}}
		chunk(object{"tool_calls": []any{start}}, nil)
		chunk(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": string(c.arguments)}}}}, nil)
	}
	chunk(object{}, chatFinish(a))
	if q.withUsage {
		c := chatHead(a, "chat.completion.chunk")
		c["choices"], c["usage"] = []any{}, chatUsage(a.usage)
		s.send("", c)
	}
	s.send("", "[DONE]")
}
