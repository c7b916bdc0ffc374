package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/spanmill/spanmill/tests/llmfake"
)

// sink takes OTLP over HTTP, and answers what MLflow and Langfuse ask besides.
// The fakes listen at the same address: a client has one place to go.
type sink struct {
	server *httptest.Server

	mu     sync.Mutex
	traces []ptraceotlp.ExportRequest
	logs   []plogotlp.ExportRequest
	err    error
}

func newSink() *sink {
	s := &sink{}
	mux := http.NewServeMux()
	mux.Handle("/", llmfake.New())
	for _, path := range []string{"POST /v1/traces", "POST /api/public/otel/v1/traces"} {
		mux.HandleFunc(path, s.taking(s.addTraces))
	}
	mux.HandleFunc("POST /v1/logs", s.taking(s.addLogs))
	mux.HandleFunc("POST /v1/metrics", s.taking(func([]byte) error { return nil }))
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "3.18.0") })
	mux.HandleFunc("/api/", answerMLflow)
	s.server = httptest.NewServer(mux)
	return s
}

func (s *sink) close() { s.server.Close() }

// answerMLflow says yes to what the MLflow SDK asks on its native path.
func answerMLflow(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/experiments/get-by-name"):
		fmt.Fprint(w, `{"experiment":{"experiment_id":"7","name":"corpus","artifact_location":"mlflow-artifacts:/7","lifecycle_stage":"active"}}`)
	case strings.HasSuffix(r.URL.Path, "/mlflow/traces"):
		// The created trace's info is what was sent. A body that breaks off is
		// the client's to report.
		_, _ = io.Copy(w, r.Body)
	default:
		fmt.Fprint(w, "{}")
	}
}

// taking reads a request's body, gzip or not, and hands it over.
func (s *sink) taking(add func([]byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := content(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			err = add(body)
		}
		if err != nil {
			s.err = fmt.Errorf("%s: %w", r.URL.Path, err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		if strings.Contains(r.Header.Get("Content-Type"), "json") {
			fmt.Fprint(w, "{}")
		}
	}
}

func content(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (s *sink) addTraces(body []byte) error {
	request := ptraceotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		return err
	}
	s.traces = append(s.traces, request)
	return nil
}

func (s *sink) addLogs(body []byte) error {
	request := plogotlp.NewExportRequest()
	if err := request.UnmarshalProto(body); err != nil {
		return err
	}
	s.logs = append(s.logs, request)
	return nil
}
