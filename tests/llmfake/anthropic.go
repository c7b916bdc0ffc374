package llmfake

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// anthropicRequest is the part of a messages request that the script reads.
type anthropicRequest struct {
	Model    string          `json:"model"`
	System   anthropicBlocks `json:"system"`
	Messages []struct {
		Role    string          `json:"role"`
		Content anthropicBlocks `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Name        string          `json:"name"`
		InputSchema json.RawMessage `json:"input_schema"`
	} `json:"tools"`
	Thinking struct {
		Type string `json:"type"`
	} `json:"thinking"`
	MaxTokens int  `json:"max_tokens"`
	Stream    bool `json:"stream"`
}

type anthropicBlock struct {
	Type         string `json:"type"`
	Text         string `json:"text"`
	Content      text   `json:"content"`
	CacheControl *struct {
		TTL string `json:"ttl"`
	} `json:"cache_control"`
}

// anthropicBlocks is a list of blocks, or the text of the only one.
type anthropicBlocks []anthropicBlock

func (l *anthropicBlocks) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = anthropicBlocks{{Type: "text", Text: one}}
		return nil
	}
	var blocks []anthropicBlock
	if err := json.Unmarshal(b, &blocks); err != nil {
		return err
	}
	*l = blocks
	return nil
}

// turn joins the blocks of a message.
func (l anthropicBlocks) turn(role string) turn {
	t := turn{role: role}
	for _, b := range l {
		t.text += b.Text + string(b.Content)
		if b.Type == "tool_result" {
			t.role = "tool"
		}
		if b.CacheControl != nil {
			t.mark = cmp.Or(b.CacheControl.TTL, "5m")
		}
	}
	return t
}

func anthropicMessages(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Request-Id", "req_fake")
	var c anthropicRequest
	body, failed := read(r, &c)
	if failed == nil {
		failed = refusedKey(cmp.Or(r.Header.Get("X-Api-Key"), bearer(r)))
	}
	if failed == nil && (c.Model == "" || c.MaxTokens == 0) {
		failed = badRequest("model and max_tokens: Field required")
	}
	var a answer
	if failed == nil {
		a, failed = reply(c.prompt(body))
	}
	switch {
	case failed != nil:
		writeJSON(w, failed.status, failed.anthropic())
	case c.Stream:
		anthropicStream(newStream(w, a.broken), a)
	default:
		out := anthropicHead(a)
		out["content"], out["stop_reason"] = anthropicContent(a), anthropicStop(a)
		writeJSON(w, http.StatusOK, out)
	}
}

func (c *anthropicRequest) prompt(seed []byte) prompt {
	system := c.System.turn("system")
	p := prompt{
		model: c.Model, system: system.text, systemMark: system.mark, maxTokens: c.MaxTokens, seed: seed,
		thinking: c.Thinking.Type != "" && c.Thinking.Type != "disabled",
	}
	for _, m := range c.Messages {
		p.turns = append(p.turns, m.Content.turn(m.Role))
	}
	for _, t := range c.Tools {
		p.tools = append(p.tools, tool{t.Name, t.InputSchema})
	}
	return p
}

func anthropicHead(a answer) object {
	return object{
		"id": "msg_" + a.id, "type": "message", "role": "assistant", "model": a.model,
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": anthropicUsage(a.usage),
	}
}

// anthropicUsage leaves what the cache gave and took out of the input.
func anthropicUsage(u usage) object {
	brief, long := u.written, 0
	if u.ttl == "1h" {
		brief, long = 0, u.written
	}
	return object{
		"input_tokens": u.input - u.read - u.written, "output_tokens": u.output, "service_tier": "standard",
		"cache_read_input_tokens": u.read, "cache_creation_input_tokens": u.written,
		"cache_creation": object{"ephemeral_5m_input_tokens": brief, "ephemeral_1h_input_tokens": long},
	}
}

func anthropicStop(a answer) string {
	switch {
	case len(a.calls) > 0:
		return "tool_use"
	case a.cut:
		return "max_tokens"
	}
	return "end_turn"
}

// anthropicContent are the blocks: what was thought, then calls or text.
func anthropicContent(a answer) []object {
	var blocks []object
	if a.thoughts != "" {
		blocks = append(blocks, object{"type": "thinking", "thinking": a.thoughts, "signature": "c2lnbmVk"})
	}
	for _, c := range a.calls {
		blocks = append(blocks, object{"type": "tool_use", "id": "toolu_" + c.id, "name": c.name, "input": c.arguments})
	}
	if len(a.calls) == 0 {
		blocks = append(blocks, object{"type": "text", "text": a.text})
	}
	return blocks
}

func anthropicStream(s *stream, a answer) {
	s.send("message_start", object{"type": "message_start", "message": anthropicHead(a)})
	for i, block := range anthropicContent(a) {
		delta := func(d object) {
			s.send("content_block_delta", object{"type": "content_block_delta", "index": i, "delta": d})
		}
		empty := object{"type": block["type"]}
		start := object{"type": "content_block_start", "index": i, "content_block": empty}
		switch block["type"] {
		case "thinking":
			empty["thinking"], empty["signature"] = "", ""
			s.send("content_block_start", start)
			delta(object{"type": "thinking_delta", "thinking": block["thinking"]})
			delta(object{"type": "signature_delta", "signature": block["signature"]})
		case "tool_use":
			empty["id"], empty["name"], empty["input"] = block["id"], block["name"], object{}
			s.send("content_block_start", start)
			delta(object{"type": "input_json_delta", "partial_json": string(block["input"].(json.RawMessage))})
		case "text":
			empty["text"] = ""
			s.send("content_block_start", start)
			for _, piece := range pieces(a.text) {
				delta(object{"type": "text_delta", "text": piece})
				s.halfway()
			}
		}
		s.send("content_block_stop", object{"type": "content_block_stop", "index": i})
	}
	s.send("message_delta", object{
		"type": "message_delta", "delta": object{"stop_reason": anthropicStop(a), "stop_sequence": nil}, "usage": anthropicUsage(a.usage),
	})
	s.send("message_stop", object{"type": "message_stop"})
}
