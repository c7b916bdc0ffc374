package llmfake

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
)

// geminiRequest is the part of a generateContent request that the script reads.
type geminiRequest struct {
	Contents          []geminiContent `json:"contents"`
	SystemInstruction geminiContent   `json:"systemInstruction"`
	Tools             []struct {
		FunctionDeclarations []struct {
			Name                 string          `json:"name"`
			Parameters           json.RawMessage `json:"parameters"`
			ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`
			// The API takes a field by either of its names; the Python SDK uses this one.
			ParametersSnakeCase json.RawMessage `json:"parameters_json_schema"`
		} `json:"functionDeclarations"`
	} `json:"tools"`
	GenerationConfig struct {
		MaxOutputTokens    int             `json:"maxOutputTokens"`
		ResponseSchema     json.RawMessage `json:"responseSchema"`
		ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
		ThinkingConfig     *struct {
			ThinkingBudget *int `json:"thinkingBudget"`
		} `json:"thinkingConfig"`
	} `json:"generationConfig"`
}

type geminiContent struct {
	Role  string `json:"role"`
	Parts []struct {
		Text             string `json:"text"`
		FunctionResponse *struct {
			Response json.RawMessage `json:"response"`
		} `json:"functionResponse"`
	} `json:"parts"`
}

func (c geminiContent) turn() turn {
	t := turn{role: cmp.Or(c.Role, "user")}
	for _, p := range c.Parts {
		t.text += p.Text
		if p.FunctionResponse != nil {
			t.role = "tool"
			t.text += geminiResult(p.FunctionResponse.Response)
		}
	}
	return t
}

// geminiResult is the text of a tool's result: SDKs wrap a plain string into an
// object of one member.
func geminiResult(response json.RawMessage) string {
	var wrapped map[string]string
	if json.Unmarshal(response, &wrapped) == nil && len(wrapped) == 1 {
		for _, text := range wrapped {
			return text
		}
	}
	return string(response)
}

// gemini serves models/MODEL:METHOD.
func gemini(w http.ResponseWriter, r *http.Request) {
	model, method, _ := strings.Cut(r.PathValue("call"), ":")
	failed := refusedKey(cmp.Or(r.Header.Get("X-Goog-Api-Key"), r.URL.Query().Get("key")))
	if failed == nil {
		switch method {
		case "generateContent", "streamGenerateContent":
			failed = geminiGenerate(w, r, model)
		case "embedContent":
			failed = geminiEmbed(w, r)
		case "batchEmbedContents":
			failed = geminiEmbedBatch(w, r)
		default:
			failed = &failure{http.StatusNotFound, "no such method: " + method}
		}
	}
	if failed != nil {
		writeJSON(w, failed.status, failed.gemini())
	}
}

func geminiGenerate(w http.ResponseWriter, r *http.Request, model string) *failure {
	var c geminiRequest
	body, failed := read(r, &c)
	if failed != nil {
		return failed
	}
	if len(c.Contents) == 0 {
		return badRequest("* GenerateContentRequest.contents: contents is not specified")
	}
	a, failed := reply(c.prompt(model, body))
	if failed != nil {
		return failed
	}
	if strings.HasSuffix(r.URL.Path, ":streamGenerateContent") {
		geminiStream(newStream(w, a.broken), a)
		return nil
	}
	writeJSON(w, http.StatusOK, geminiAnswer(a, geminiParts(a), true))
	return nil
}

func (c *geminiRequest) prompt(model string, seed []byte) prompt {
	g := c.GenerationConfig
	p := prompt{
		model: model, system: c.SystemInstruction.turn().text, maxTokens: g.MaxOutputTokens, seed: seed,
		schema:   g.ResponseSchema,
		thinking: g.ThinkingConfig != nil && (g.ThinkingConfig.ThinkingBudget == nil || *g.ThinkingConfig.ThinkingBudget != 0),
	}
	if g.ResponseJSONSchema != nil {
		p.schema = g.ResponseJSONSchema
	}
	for _, content := range c.Contents {
		p.turns = append(p.turns, content.turn())
	}
	for _, t := range c.Tools {
		for _, f := range t.FunctionDeclarations {
			schema := f.Parameters
			for _, other := range []json.RawMessage{f.ParametersJSONSchema, f.ParametersSnakeCase} {
				if other != nil {
					schema = other
				}
			}
			p.tools = append(p.tools, tool{f.Name, schema})
		}
	}
	return p
}

func geminiParts(a answer) []object {
	var parts []object
	if a.thoughts != "" {
		parts = append(parts, object{"text": a.thoughts, "thought": true})
	}
	for _, c := range a.calls {
		parts = append(parts, object{"functionCall": object{"name": c.name, "args": c.arguments}})
	}
	if len(a.calls) == 0 {
		parts = append(parts, object{"text": a.text})
	}
	return parts
}

// geminiAnswer is an answer or, with last false, a part of one in a stream.
func geminiAnswer(a answer, parts []object, last bool) object {
	candidate := object{"index": 0, "content": object{"role": "model", "parts": parts}}
	if last {
		candidate["finishReason"] = "STOP"
		if a.cut {
			candidate["finishReason"] = "MAX_TOKENS"
		}
	}
	return object{
		"candidates": []any{candidate}, "modelVersion": a.model, "responseId": a.id, "usageMetadata": geminiUsage(a.usage),
	}
}

// geminiUsage leaves the thoughts out of the candidates' tokens.
func geminiUsage(u usage) object {
	out := object{
		"promptTokenCount": u.input, "candidatesTokenCount": u.output - u.reasoning, "totalTokenCount": u.input + u.output,
		"promptTokensDetails": []any{object{"modality": "TEXT", "tokenCount": u.input}},
	}
	if u.reasoning > 0 {
		out["thoughtsTokenCount"] = u.reasoning
	}
	if u.blocks > 0 {
		out["cachedContentTokenCount"] = u.blocks
		out["cacheTokensDetails"] = []any{object{"modality": "TEXT", "tokenCount": u.blocks}}
	}
	return out
}

func geminiStream(s *stream, a answer) {
	parts := geminiParts(a)
	if words := pieces(a.text); len(words) > 0 && len(a.calls) == 0 {
		parts = parts[:len(parts)-1]
		for _, w := range words {
			parts = append(parts, object{"text": w})
		}
	}
	for i, part := range parts {
		s.send("", geminiAnswer(a, []object{part}, i == len(parts)-1))
		s.halfway()
	}
}

// geminiEmbedding is one text to embed.
type geminiEmbedding struct {
	Content              geminiContent `json:"content"`
	OutputDimensionality int           `json:"outputDimensionality"`
}

func (e geminiEmbedding) answer() object {
	return object{"values": vector(e.Content.turn().text, cmp.Or(e.OutputDimensionality, dimensions))}
}

func geminiEmbed(w http.ResponseWriter, r *http.Request) *failure {
	var e geminiEmbedding
	if _, failed := read(r, &e); failed != nil {
		return failed
	}
	if failed := scriptedFailure(e.Content.turn()); failed != nil {
		return failed
	}
	writeJSON(w, http.StatusOK, object{"embedding": e.answer()})
	return nil
}

func geminiEmbedBatch(w http.ResponseWriter, r *http.Request) *failure {
	var batch struct {
		Requests []geminiEmbedding `json:"requests"`
	}
	if _, failed := read(r, &batch); failed != nil {
		return failed
	}
	var embeddings []object
	for _, e := range batch.Requests {
		if failed := scriptedFailure(e.Content.turn()); failed != nil {
			return failed
		}
		embeddings = append(embeddings, e.answer())
	}
	writeJSON(w, http.StatusOK, object{"embeddings": embeddings})
	return nil
}
