package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
)

// people send what a population does. What is not answered they send again, to
// wherever the addresses file says by then: nothing of it counts twice.
type people struct {
	file      string // of the addresses
	addresses Addresses
	key       string
	http      *http.Client
	rng       *rand.Rand

	sent, again int
}

// How much a request has, and how long people go on without an answer.
const (
	tracesAtOnce = 50
	eventsAtOnce = 200
	sendPause    = 200 * time.Millisecond
	sendPatience = 2 * time.Minute
)

// send sends traces and events in any order, every tenth twice; then what people
// say in MLflow, and at last what they say when they have thought better of it.
func (p *people) send(ctx context.Context, sessions []population.Session) error {
	todo, err := p.requests(sessions)
	if err != nil {
		return err
	}
	for _, r := range todo {
		if _, err := p.ask(ctx, r); err != nil {
			return err
		}
	}
	ids := make(map[string]string)
	for _, change := range []bool{false, true} {
		for i := range sessions {
			for j := range sessions[i].Turns {
				if err := p.opine(ctx, &sessions[i].Turns[j], ids, change); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// request is one that may be sent any number of times.
type request struct {
	method string
	mlflow bool // at the door of MLflow's clients
	path   string
	body   []byte
}

// requests are the traces and events of a population, shuffled.
func (p *people) requests(sessions []population.Session) (out []request, err error) {
	traces, err := population.Requests(p.shuffled(sessions), tracesAtOnce)
	if err != nil {
		return nil, err
	}
	for n, body := range traces {
		r := request{method: http.MethodPost, path: "/v1/traces", body: body}
		if out = append(out, r); n%10 == 0 {
			out = append(out, r)
		}
	}
	var events []population.Event
	for i := range sessions {
		for n, e := range sessions[i].Events() {
			if events = append(events, e); n%10 == 0 {
				events = append(events, e)
			}
		}
	}
	p.rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for len(events) > 0 {
		n := min(len(events), eventsAtOnce)
		body, err := json.Marshal(events[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, request{method: http.MethodPost, path: "/api/v1/events", body: body})
		events = events[n:]
	}
	p.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out, nil
}

func (p *people) shuffled(sessions []population.Session) []population.Session {
	out := slices.Clone(sessions)
	p.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// opine says in MLflow what a person thinks of a turn, or that they have changed
// their mind. The time at which it was made is sent, so that it has the same id
// if it is sent again.
func (p *people) opine(ctx context.Context, t *population.Turn, ids map[string]string, change bool) error {
	if t.First == 0 || change && t.Thumb == t.First {
		return nil
	}
	base := "/api/3.0/mlflow/traces/tr-" + t.TraceID + "/assessments"
	value := func(up int) string { return `"feedback": {"value": ` + strconv.FormatBool(up > 0) + `}` }
	switch {
	case !change:
		answer, err := p.ask(ctx, request{http.MethodPost, true, base, []byte(`{"assessment": {"assessment_name": "helpful", "trace_id": "tr-` + t.TraceID +
			`", "source": {"source_type": "HUMAN", "source_id": "demo"}, "create_time": "` + t.End.UTC().Format(time.RFC3339Nano) + `", ` + value(t.First) + `}}`)})
		if err != nil {
			return err
		}
		var made struct {
			Assessment struct {
				ID string `json:"assessment_id"`
			} `json:"assessment"`
		}
		if err := json.Unmarshal(answer, &made); err != nil {
			return fmt.Errorf("read an assessment: %w", err)
		}
		ids[t.TraceID] = made.Assessment.ID
		return nil
	case t.Thumb == 0:
		_, err := p.ask(ctx, request{method: http.MethodDelete, mlflow: true, path: base + "/" + ids[t.TraceID]})
		return err
	}
	body := `{"assessment": {"assessment_id": "` + ids[t.TraceID] + `", "trace_id": "tr-` + t.TraceID + `", ` + value(t.Thumb) + `}, "update_mask": "feedback"}`
	_, err := p.ask(ctx, request{http.MethodPatch, true, base + "/" + ids[t.TraceID], []byte(body)})
	return err
}

// ask sends a request until it is answered, for two minutes at most. That
// something is not found means that it is on its way.
func (p *people) ask(ctx context.Context, r request) ([]byte, error) {
	p.sent++
	deadline := time.Now().Add(sendPatience)
	for {
		status, answer, err := p.try(ctx, r)
		switch {
		case err == nil && status == http.StatusOK:
			return answer, nil
		case err == nil && status < http.StatusInternalServerError && status != http.StatusTooManyRequests && status != http.StatusNotFound, time.Now().After(deadline):
			if err == nil {
				err = fmt.Errorf("%s %s: %d: %.300s", r.method, r.path, status, answer)
			}
			return nil, err
		}
		p.again++
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(sendPause):
		}
		if a, err := readAddresses(p.file); err == nil {
			p.addresses = a
		}
	}
}

func (p *people) try(ctx context.Context, r request) (status int, answer []byte, err error) {
	host := p.addresses.OTLPHTTP
	if r.mlflow {
		host = p.addresses.MLflow
	}
	q, err := http.NewRequestWithContext(ctx, r.method, "http://"+host+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		q.Header.Set("Authorization", "Bearer "+p.key)
	}
	response, err := p.http.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}
