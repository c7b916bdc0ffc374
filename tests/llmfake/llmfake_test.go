package llmfake_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/tests/llmfake"
)

func TestMain(m *testing.M) { testkit.MainNoLeaks(m) }

const weather = `"name":"get_weather","description":"Weather","%s":{"type":"object","properties":{"city":{"type":"string"}}}`

func weatherTool(schema string) string { return "{" + strings.Replace(weather, "%s", schema, 1) + "}" }

// long is a prompt that caches take an interest in.
var long = strings.Repeat("All work and no play. ", 220)

// TestAnswers shows every API's answers, whole: the golden files are what the
// SDKs read.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const (
		chat      = "/v1/chat/completions"
		responses = "/v1/responses"
		embed     = "/v1/embeddings"
		messages  = "/v1/messages"
		generate  = "/v1beta/models/gemini-2.5-flash:generateContent"
	)
	for _, c := range []struct{ name, path, body string }{
		{"chat", chat, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"What is the capital of France?"}]}`},
		{"chat-stream", chat, `{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":[{"type":"text","text":"Où est le chat? 🐈"}]}]}`},
		{"chat-tool-call", chat, `{"model":"gpt-4o","messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":"function","function":` + weatherTool("parameters") + `}]}`},
		{"chat-tool-call-stream", chat, `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Weather?"}],"tools":[{"type":"function","function":` + weatherTool("parameters") + `}]}`},
		{"chat-tool-result", chat, `{"model":"gpt-4o","messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":null},{"role":"tool","tool_call_id":"x","content":"18 °C"}]}`},
		{"chat-cached-reasoning", chat, `{"model":"o3-mini","n":2,"messages":[{"role":"system","content":"` + long + `"},{"role":"user","content":"Hello"}]}`},
		{"chat-cut", chat, `{"model":"gpt-4o","max_tokens":2,"messages":[{"role":"user","content":"What is the capital of France?"}]}`},
		{"chat-schema", chat, `{"model":"gpt-4o","response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object","properties":{"city":{"type":"string"},"ok":{"type":"boolean"},"n":{"type":"array","items":{"type":"integer"}}}}}},"messages":[{"role":"user","content":"Go"}]}`},
		{"chat-fails", chat, `{"model":"gpt-4o","messages":[{"role":"user","content":"fail with 429"}]}`},
		{"chat-bad", chat, `{"messages":[]}`},
		{"embeddings", embed, `{"model":"text-embedding-3-small","input":["one","two"]}`},
		{"embeddings-packed", embed, `{"model":"text-embedding-3-small","input":"one","encoding_format":"base64","dimensions":4}`},
		{"responses", responses, `{"model":"gpt-5-mini","instructions":"Be brief.","input":"Think: what is 6 times 7?"}`},
		{"responses-tool-call-stream", responses, `{"model":"gpt-4o","stream":true,"input":[{"role":"user","content":[{"type":"input_text","text":"Weather?"}]}],"tools":[{"type":"function",` + weatherTool("parameters")[1:] + `]}`},
		{"responses-tool-result-stream", responses, `{"model":"gpt-4o","stream":true,"input":[{"role":"user","content":"Weather?"},{"type":"function_call","call_id":"x"},{"type":"function_call_output","call_id":"x","output":"18 °C"}]}`},
		{"messages", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"What is the capital of France?"}]}`},
		{"messages-cache-written-1h", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"system":[{"type":"text","text":"` + long + `","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":"Hello"}]}`},
		{"messages-cache-read-stream", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"system":[{"type":"text","text":"` + long + `","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"Bye","cache_control":{"type":"ephemeral"}}]}]}`},
		{"messages-thinking-stream", messages, `{"model":"claude-sonnet-4-5","max_tokens":2000,"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[{"role":"user","content":"Think: what is 6 times 7?"}]}`},
		{"messages-tool-call-stream", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Weather?"}],"tools":[` + weatherTool("input_schema") + `]}`},
		{"messages-tool-result", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"get_weather","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":"18 °C"}]}]}`},
		{"messages-fails", messages, `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"fail with 529"}]}`},
		{"generate", generate, `{"contents":[{"parts":[{"text":"What is the capital of France?"}]}]}`},
		{"generate-thoughts", generate, `{"contents":[{"role":"user","parts":[{"text":"Hello"}]}],"systemInstruction":{"parts":[{"text":"` + long + `"}]},"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}`},
		{"generate-stream", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"What is the capital of France?"}]}]}`},
		{"generate-tool-call", generate, `{"contents":[{"parts":[{"text":"Weather?"}]}],"tools":[{"functionDeclarations":[` + weatherTool("parameters") + `]}]}`},
		{"generate-tool-result", generate, `{"contents":[{"parts":[{"text":"Weather?"}]},{"role":"model","parts":[{"functionCall":{"name":"get_weather","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"get_weather","response":{"result":"18 °C"}}}]}]}`},
		{"generate-fails", generate, `{"contents":[{"parts":[{"text":"fail with 500"}]}]}`},
		{"embed-content", "/v1beta/models/gemini-embedding-001:embedContent", `{"content":{"parts":[{"text":"one"}]}}`},
		{"batch-embed-contents", "/v1beta/models/gemini-embedding-001:batchEmbedContents", `{"requests":[{"content":{"parts":[{"text":"one"}]},"outputDimensionality":4}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			testkit.Golden(t, c.name+".txt", ask(c.path, c.body, "key"))
		})
	}
}

// ask gives the status and the body of an answer.
func ask(path, body, key string) []byte {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("X-Goog-Api-Key", key)
	w := httptest.NewRecorder()
	llmfake.New().ServeHTTP(w, r)
	return []byte(http.StatusText(w.Code) + "\n" + w.Body.String())
}

func TestWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/chat/completions", "/v1/embeddings", "/v1/messages", "/v1beta/models/m:generateContent"} {
		if got := string(ask(path, "{}", "wrong")); !strings.HasPrefix(got, "Unauthorized") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestBrokenStream: the client sees a beginning and then no more.
func TestBrokenStream(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(llmfake.New())
	defer server.Close()
	body := strings.NewReader(`{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"break off"}]}`)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/chat/completions", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err == nil || !strings.Contains(string(got), `"You "`) || strings.Contains(string(got), "[DONE]") {
		t.Errorf("got %q, %v", got, err)
	}
}
