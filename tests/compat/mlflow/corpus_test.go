package mlflow_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spanmill/spanmill/tests/mlflowserver"
)

var record = flag.Bool("record", false, "ask a real MLflow server for the corpus's answers and keep them")

// leastRequests is how many requests the corpus must have.
const leastRequests = 150

// step is a line of the corpus: a request, and what a real server answered.
type step struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header,omitempty"`
	// One of these is the body: JSON, OTLP's JSON to be sent as protobuf, or
	// text. Encoding compresses it.
	JSON     json.RawMessage `json:"json,omitempty"`
	OTLP     json.RawMessage `json:"otlp,omitempty"`
	Text     *string         `json:"text,omitempty"`
	Encoding string          `json:"encoding,omitempty"`

	Reply *answer `json:"reply,omitempty"`
}

type answer struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   any    `json:"body"`
}

// play sends steps one after the other and gives what was seen. ready is asked
// before each request that needs the earlier ones to be readable.
func play(t *testing.T, url string, steps []step, ready func()) []seen {
	t.Helper()
	names := newSymbols(time.Now())
	var all []seen
	wrote := false
	for i := range steps {
		if wrote && !blind(&steps[i]) {
			ready()
			wrote = false
		}
		wrote = wrote || !reads(&steps[i])
		awaitNextMillisecond()
		e, err := steps[i].send(t, url, names)
		if err != nil {
			t.Fatalf("%s %s: %v", steps[i].Method, steps[i].Path, err)
		}
		all = append(all, names.see(e))
	}
	return all
}

// blind tells a request that is answered without a look at earlier traces.
func blind(s *step) bool {
	path, _, _ := strings.Cut(s.Path, "?")
	return s.Method != http.MethodGet && (path == "/v1/traces" || strings.HasSuffix(path, "/mlflow/traces") || strings.Contains(path, "/experiments/"))
}

// reads tells a request that changes nothing.
func reads(s *step) bool {
	return s.Method == http.MethodGet || strings.HasSuffix(s.Path, "/search") || strings.HasSuffix(s.Path, "/batchGetInfos")
}

// awaitNextMillisecond keeps times of different requests apart, as the names
// that symbols gives them need.
func awaitNextMillisecond() {
	for began := time.Now().UnixMilli(); time.Now().UnixMilli() == began; {
	}
}

func (s *step) send(t *testing.T, url string, names *symbols) (*exchange, error) {
	t.Helper()
	plain, contentType, err := s.body(names)
	if err != nil {
		return nil, err
	}
	packed, err := compress(plain, s.Encoding)
	if err != nil {
		return nil, err
	}
	e := &exchange{Method: s.Method, Path: names.fill(s.Path), Header: http.Header{}, Body: plain}
	request, err := http.NewRequestWithContext(t.Context(), s.Method, url+e.Path, bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		e.Header.Set("Content-Type", contentType)
	}
	if s.Encoding != "" {
		e.Header.Set("Content-Encoding", s.Encoding)
	}
	for name, value := range s.Header {
		e.Header.Set(name, names.fill(value))
	}
	request.Header = e.Header
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	e.Status, e.Type = response.StatusCode, mediaType(response.Header)
	e.Reply, err = io.ReadAll(response.Body)
	return e, err
}

func mediaType(h http.Header) string {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return h.Get("Content-Type")
	}
	return media
}

func (s *step) body(names *symbols) (body []byte, contentType string, err error) {
	switch {
	case s.OTLP != nil:
		spans, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(names.fill(string(s.OTLP))))
		if err != nil {
			return nil, "", err
		}
		body, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(spans)
		return body, "application/x-protobuf", err
	case s.JSON != nil:
		return []byte(names.fill(string(s.JSON))), "application/json", nil
	case s.Text != nil:
		return []byte(*s.Text), "", nil
	}
	return nil, "", nil
}

func compress(plain []byte, encoding string) ([]byte, error) {
	var packed bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "":
		return plain, nil
	case "gzip":
		w = gzip.NewWriter(&packed)
	case "deflate":
		w = zlib.NewWriter(&packed)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&packed); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	err := w.Close()
	return packed.Bytes(), err
}

// corpusFiles are in the order in which they are played: each is a conversation.
func corpusFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	return files
}

func readSteps(t *testing.T, file string) []step {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		steps = append(steps, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestRecordCorpus asks a real server anew. It runs by -record only.
func TestRecordCorpus(t *testing.T) {
	if !*record {
		t.Skip("-record is not set")
	}
	server, err := mlflowserver.Start(t.Context(), mlflowserver.Options{Python: python(t, full), Dir: t.TempDir(), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	for _, file := range corpusFiles(t) {
		t.Run(conversation(file), func(t *testing.T) { recordFile(t, server.URL, file) })
	}
}

func recordFile(t *testing.T, url, file string) {
	steps := readSteps(t, file)
	all := play(t, url, steps, func() {})
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	lines.SetEscapeHTML(false)
	for i := range steps {
		steps[i].Reply = &answer{all[i].Status, all[i].Type, all[i].Reply}
		if err := lines.Encode(steps[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// conversation is a file's name for people.
func conversation(file string) string { return strings.TrimSuffix(filepath.Base(file), ".jsonl") }

// testCorpus replays the corpus on ours.
func testCorpus(t *testing.T, f *fixture) {
	requests := 0
	for _, file := range corpusFiles(t) {
		steps := readSteps(t, file)
		requests += len(steps)
		t.Run(conversation(file), func(t *testing.T) {
			if !strings.HasPrefix(conversation(file), "10_") { // which lists what the others make, too
				t.Parallel()
			}
			for i, ours := range play(t, f.mlflowURL(), steps, func() { f.settle(t) }) {
				if steps[i].Reply == nil {
					t.Fatalf("line %d has no answer: run with -record", i+1)
				}
				f.judge.check(t, fmt.Sprintf("line %d", i+1), differ(recorded(t, &steps[i]), ours))
			}
		})
	}
	if requests < leastRequests {
		t.Errorf("the corpus has %d requests, at least %d are wanted", requests, leastRequests)
	}
}

// recorded is a step as its real answer was seen.
func recorded(t *testing.T, s *step) seen {
	t.Helper()
	text, err := json.Marshal(s.Reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return seen{Method: s.Method, Path: s.Path, Status: s.Reply.Status, Type: s.Reply.Type, Reply: parsed(text)}
}
