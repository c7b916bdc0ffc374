package query

import (
	"encoding/json"
	"slices"
	"strings"
)

// previewRunes is MLflow's bound of a preview.
const previewRunes = 1000

// preview is what MLflow shows of content: the last message of the role if it
// looks like a chat, else its JSON, cut.
func preview(v Value, role string) string {
	text := v.JSON()
	content := lastMessage(text, role)
	if content == "" {
		content = spaced(text)
	}
	if runes := []rune(content); len(runes) > previewRunes {
		return string(runes[:previewRunes-3]) + "..."
	}
	return content
}

// lastMessage finds the text of a chat's last message of the role, else of its
// last message; "": it is no chat, or the message has no text.
func lastMessage(text, role string) string {
	messages := chatMessages(json.RawMessage(text), 0)
	if len(messages) == 0 {
		return ""
	}
	last := messages[len(messages)-1]
	for _, m := range slices.Backward(messages) {
		if asText(m["role"]) == role {
			last = m
			break
		}
	}
	return messageText(last["content"])
}

type fields map[string]json.RawMessage

func asFields(raw json.RawMessage) fields {
	var f fields
	if json.Unmarshal(raw, &f) != nil {
		return nil
	}
	return f
}

func asList(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func asText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// maxRequests bounds requests that hold requests.
const maxRequests = 8

// chatMessages finds messages in the shapes of chat completions and responses,
// of requests and of answers.
func chatMessages(raw json.RawMessage, depth int) []fields {
	obj := asFields(raw)
	if obj == nil || depth > maxRequests {
		return nil
	}
	if list := asList(obj["messages"]); len(list) > 0 {
		return messagesOf(list)
	}
	if choices := asList(obj["choices"]); len(choices) > 0 {
		if found := messagesOf([]json.RawMessage{asFields(choices[0])["message"]}); len(found) > 0 {
			return found
		}
	}
	for _, key := range []string{"input", "output"} {
		if list := asList(obj[key]); len(list) > 0 {
			return messagesOf(list)
		}
	}
	return chatMessages(obj["request"], depth+1)
}

func messagesOf(list []json.RawMessage) []fields {
	var found []fields
	for _, raw := range list {
		if m := asFields(raw); m["role"] != nil && m["content"] != nil {
			found = append(found, m)
		}
	}
	return found
}

// messageText is the first text of a message's content.
func messageText(raw json.RawMessage) string {
	for _, part := range asList(raw) {
		if text := asText(part); text != "" {
			return text
		}
		if f := asFields(part); asText(f["type"]) == "text" || asText(f["type"]) == "output_text" {
			return asText(f["text"])
		}
	}
	return asText(raw)
}

// spaced writes JSON as MLflow's server does: a space behind each comma and
// colon.
func spaced(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		b.WriteByte(c)
		switch {
		case inString && c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			inString = !inString
		case !inString && (c == ',' || c == ':') && i+1 < len(text) && text[i+1] != ' ':
			b.WriteByte(' ')
		}
	}
	return b.String()
}
