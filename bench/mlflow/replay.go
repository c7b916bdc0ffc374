package mlflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/spanmill/spanmill/bench/load"
)

// replayer sends traces to a tracking URI.
type replayer struct {
	url, experiment string
	client          *http.Client
}

func newReplayer(url string, connections int) *replayer {
	return &replayer{url: url, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true,
		},
	}}
}

func (r *replayer) close() { r.client.CloseIdleConnections() }

// createExperiment makes the experiment that all traces are in.
func (r *replayer) createExperiment(ctx context.Context, name string) error {
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return err
	}
	reply, err := r.post(ctx, "/api/2.0/mlflow/experiments/create", "application/json", body)
	if err != nil {
		return err
	}
	var created struct {
		ID string `json:"experiment_id"`
	}
	if err := json.Unmarshal(reply, &created); err != nil {
		return fmt.Errorf("create experiment: %w", err)
	}
	r.experiment = created.ID
	return nil
}

// replayed is what a run of send gave.
type replayed struct {
	traces  int
	elapsed time.Duration
	// latencies are those of the requests.
	latencies load.Latencies
}

// send sends all traces, so many at once, and returns when each request was
// answered with success; the first other answer ends it.
func (r *replayer) send(ctx context.Context, traces []sequence, connections int) (replayed, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan sequence)
	var mu sync.Mutex
	result := replayed{traces: len(traces)}
	began := time.Now()
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for s := range todo {
				took, err := r.trace(ctx, s)
				if err != nil {
					cancel(err)
				}
				mu.Lock()
				result.latencies = append(result.latencies, took...)
				mu.Unlock()
			}
		})
	}
	for _, s := range traces {
		if ctx.Err() != nil {
			break
		}
		todo <- s
	}
	close(todo)
	workers.Wait()
	result.elapsed = time.Since(began)
	slices.Sort(result.latencies)
	return result, context.Cause(ctx)
}

// trace sends one trace: its spans, then its info.
func (r *replayer) trace(ctx context.Context, s sequence) (took []time.Duration, err error) {
	for _, part := range []struct {
		path, contentType string
		body              []byte
	}{
		{"/v1/traces", "application/x-protobuf", s.first},
		{"/v1/traces", "application/x-protobuf", s.second},
		{"/api/3.0/mlflow/traces", "application/json", s.info},
	} {
		began := time.Now()
		if _, err := r.post(ctx, part.path, part.contentType, part.body); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func (r *replayer) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "mlflow-python-client/3.17.2")
	if r.experiment != "" {
		request.Header.Set("x-mlflow-experiment-id", r.experiment)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", path, response.Status, reply)
	}
	return reply, err
}
