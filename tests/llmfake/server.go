package llmfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// object is a JSON object; encoding sorts its keys.
type object = map[string]any

// created is the instant at which every answer was made.
var created = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// maxBody bounds a request: the longest prompt of the tests has some kilobytes.
const maxBody = 8 << 20

// New gives the handler of all APIs.
func New() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", openAI(chatPrompt, chatAnswer, chatStream))
	mux.HandleFunc("POST /v1/responses", openAI(responsesPrompt, responsesAnswer, responsesStream))
	mux.HandleFunc("POST /v1/embeddings", openAIEmbeddings)
	mux.HandleFunc("POST /v1/messages", anthropicMessages)
	mux.HandleFunc("POST /v1/models/{call}", gemini)
	mux.HandleFunc("POST /v1beta/models/{call}", gemini)
	return mux
}

// asked is a request of one API, read.
type asked struct {
	prompt prompt
	stream bool
	// withUsage: the stream is to end with the usage.
	withUsage bool
	choices   int
}

// read gives the body's bytes, and decodes them into v.
func read(r *http.Request, v any) ([]byte, *failure) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, badRequest(err.Error())
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, badRequest("We could not parse the JSON body of your request: " + err.Error())
	}
	return body, nil
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "%s\n", encoded(v))
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own maps
	}
	return b
}

// stream sends server-sent events.
type stream struct {
	w      http.ResponseWriter
	broken bool // the connection is to go half-way
}

func newStream(w http.ResponseWriter, broken bool) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	return &stream{w, broken}
}

// send writes one event; name may be empty.
func (s *stream) send(name string, data any) {
	if name != "" {
		fmt.Fprintf(s.w, "event: %s\n", name)
	}
	text, isText := data.(string)
	if !isText {
		text = string(encoded(data))
	}
	fmt.Fprintf(s.w, "data: %s\n\n", text)
	if f, ok := s.w.(http.Flusher); ok {
		f.Flush()
	}
}

// halfway ends a stream that is to break off.
func (s *stream) halfway() {
	if s.broken {
		panic(http.ErrAbortHandler)
	}
}

// text is content that APIs take as a string or as a list of parts.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var whole string
	if json.Unmarshal(b, &whole) == nil {
		*t = text(whole)
		return nil
	}
	var parts []struct {
		Text    string `json:"text"`
		Content text   `json:"content"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		*t += text(p.Text) + p.Content
	}
	return nil
}
