package llmfake

import (
	"encoding/json"
	"maps"
	"net/http"
)

// responsesRequest is the part of a responses request that the script reads.
type responsesRequest struct {
	Model        string        `json:"model"`
	Instructions string        `json:"instructions"`
	Input        responsesList `json:"input"`
	Tools        []struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	} `json:"tools"`
	Text struct {
		Format struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"text"`
	MaxOutputTokens int  `json:"max_output_tokens"`
	Stream          bool `json:"stream"`
}

type responsesItem struct {
	Type    string `json:"type"`
	Role    string `json:"role"`
	Content text   `json:"content"`
	Output  text   `json:"output"`
}

// responsesList is a list of items, or the text of the only one.
type responsesList []responsesItem

func (l *responsesList) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = responsesList{{Role: "user", Content: text(one)}}
		return nil
	}
	var items []responsesItem
	if err := json.Unmarshal(b, &items); err != nil {
		return err
	}
	*l = items
	return nil
}

func responsesPrompt(r *http.Request) (asked, *failure) {
	var c responsesRequest
	body, failed := read(r, &c)
	if failed != nil {
		return asked{}, failed
	}
	if c.Model == "" || len(c.Input) == 0 {
		return asked{}, badRequest("Missing required parameter: 'model' or 'input'.")
	}
	q := asked{stream: c.Stream, prompt: prompt{
		model: c.Model, system: c.Instructions, schema: c.Text.Format.Schema, maxTokens: c.MaxOutputTokens, seed: body,
	}}
	for _, item := range c.Input {
		switch {
		case item.Type == "function_call_output":
			q.prompt.turns = append(q.prompt.turns, turn{role: "tool", text: string(item.Output)})
		case item.Role == "system", item.Role == "developer":
			q.prompt.system += string(item.Content)
		case item.Role != "":
			q.prompt.turns = append(q.prompt.turns, turn{role: item.Role, text: string(item.Content)})
		}
	}
	for _, t := range c.Tools {
		q.prompt.tools = append(q.prompt.tools, tool{t.Name, t.Parameters})
	}
	return q, nil
}

func responsesAnswer(q asked, a answer) object {
	out := responsesHead(q, a)
	out["output"] = responsesItems(a)
	out["usage"] = object{
		"input_tokens": a.usage.input, "output_tokens": a.usage.output, "total_tokens": a.usage.input + a.usage.output,
		"input_tokens_details":  object{"cached_tokens": a.usage.blocks},
		"output_tokens_details": object{"reasoning_tokens": a.usage.reasoning},
	}
	if a.cut {
		out["status"], out["incomplete_details"] = "incomplete", object{"reason": "max_output_tokens"}
	}
	return out
}

func responsesHead(q asked, a answer) object {
	return object{
		"id": "resp_" + a.id, "object": "response", "created_at": created.Unix(), "model": a.model, "status": "completed",
		"error": nil, "incomplete_details": nil, "instructions": q.prompt.system, "metadata": object{}, "output": []any{},
		"parallel_tool_calls": true, "temperature": 1, "top_p": 1, "tool_choice": "auto", "tools": []any{},
		"service_tier": "default", "usage": nil,
	}
}

// responsesItems are the output: what was thought, then calls or text.
func responsesItems(a answer) []object {
	var items []object
	if a.thoughts != "" {
		items = append(items, object{
			"type": "reasoning", "id": "rs_" + a.id, "summary": []any{object{"type": "summary_text", "text": a.thoughts}},
		})
	}
	for _, c := range a.calls {
		items = append(items, object{
			"type": "function_call", "id": "fc_" + c.id, "call_id": "call_" + c.id, "name": c.name,
			"arguments": string(c.arguments), "status": "completed",
		})
	}
	if len(a.calls) == 0 {
		items = append(items, object{
			"type": "message", "id": "msg_" + a.id, "role": "assistant", "status": "completed",
			"content": []any{responsesText(a.text)},
		})
	}
	return items
}

func responsesText(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

func responsesStream(s *stream, q asked, a answer) {
	n := 0
	send := func(kind string, event object) {
		event["type"], event["sequence_number"] = kind, n
		n++
		s.send(kind, event)
	}
	started := responsesHead(q, a)
	started["status"] = "in_progress"
	send("response.created", object{"response": started})
	for i, item := range responsesItems(a) {
		send("response.output_item.added", object{"output_index": i, "item": responsesStub(item)})
		at := func(more object) object {
			more["item_id"], more["output_index"] = item["id"], i
			return more
		}
		switch item["type"] {
		case "function_call":
			send("response.function_call_arguments.delta", at(object{"delta": item["arguments"]}))
			send("response.function_call_arguments.done", at(object{"arguments": item["arguments"], "name": item["name"]}))
		case "message":
			send("response.content_part.added", at(object{"content_index": 0, "part": responsesText("")}))
			for _, piece := range pieces(a.text) {
				send("response.output_text.delta", at(object{"content_index": 0, "delta": piece, "logprobs": []any{}}))
				s.halfway()
			}
			send("response.output_text.done", at(object{"content_index": 0, "text": a.text, "logprobs": []any{}}))
			send("response.content_part.done", at(object{"content_index": 0, "part": responsesText(a.text)}))
		}
		send("response.output_item.done", object{"output_index": i, "item": item})
	}
	send("response.completed", object{"response": responsesAnswer(q, a)})
}

// responsesStub is an item as a stream first announces it.
func responsesStub(item object) object {
	stub := maps.Clone(item)
	switch item["type"] {
	case "function_call":
		stub["arguments"], stub["status"] = "", "in_progress"
	case "message":
		stub["content"], stub["status"] = []any{}, "in_progress"
	}
	return stub
}
