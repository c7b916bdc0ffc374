package mlflow

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/spanmill/spanmill/internal/auth"
	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a server with all it leans on in memory.
type bench struct {
	*Server

	t       *testing.T
	handler http.Handler
	spans   []ingested
	events  []told
	down    error // what the way in answers, if not nil
	blind   error // what the tables answer, if not nil
}

type ingested struct {
	tenant, experiment string
	body               []byte
}

type told struct {
	tenant string
	schema.Event
}

func newBench(t *testing.T, keys *auth.Keys) *bench {
	t.Helper()
	b := &bench{t: t}
	log := &memoryLog{more: make(chan struct{}, 1)}
	x := experiments.New(experiments.Default(), log, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("experiments: %v", err)
		}
	})
	<-x.Ready()
	cfg := Default()
	cfg.Attachments = filepath.Join(t.TempDir(), "attachments")
	cfg.ReadWait = time.Millisecond // nothing is on its way here
	b.Server = New(cfg, Dependencies{
		Door: b, Spans: b, Events: b, Experiments: x, Reader: tables{b}, Keys: keys,
		Log: slog.New(slog.DiscardHandler), Reg: prometheus.NewRegistry(),
	})
	b.handler = b.Server.handler()
	return b
}

// memoryLog is a topic of experiments with one reader.
type memoryLog struct {
	records []experiments.Record
	more    chan struct{}
}

func (l *memoryLog) Append(_ context.Context, _, key string, value []byte) error {
	l.records = append(l.records, experiments.Record{Offset: int64(len(l.records)), Key: key, Value: value})
	l.more <- struct{}{}
	return nil
}

func (l *memoryLog) End(context.Context) (int64, error) { return int64(len(l.records)), nil }

func (l *memoryLog) Follow(ctx context.Context, visit func(experiments.Record)) error {
	for next := 0; ; next++ {
		select {
		case <-l.more:
			visit(l.records[next])
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *bench) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

func (b *bench) Receive(r *http.Request) ([]byte, func(), error) {
	body, err := io.ReadAll(r.Body)
	if strings.HasPrefix(string(body), "not gzip") {
		return nil, func() {}, &Error{Status: 400, Reason: "bad_compression", Message: "corrupt"}
	}
	return body, func() { clear(body) }, err
}

func (b *bench) Ingest(_ context.Context, tenant, experiment string, body []byte) (string, error) {
	if b.down != nil {
		return "", b.down
	}
	b.spans = append(b.spans, ingested{tenant, experiment, slices.Clone(body)})
	return "", nil
}

func (b *bench) Publish(_ context.Context, tenant string, events []schema.Event) error {
	if b.down != nil {
		return b.down
	}
	for _, e := range events {
		b.events = append(b.events, told{tenant, e})
	}
	return nil
}

// tables are a query.Reader that knows what was told, as the writer would.
type tables struct{ b *bench }

func (r tables) info(tenant, id string) (out query.TraceInfo, found bool) {
	out = query.TraceInfo{TraceID: id, Metadata: map[string]string{}, Tags: map[string]string{}}
	for _, e := range r.b.events {
		if e.tenant != tenant || e.TraceID != id {
			continue
		}
		switch e.Kind {
		case schema.EventTraceDeleted:
			out, found = query.TraceInfo{TraceID: id, Metadata: map[string]string{}, Tags: map[string]string{}}, false
		case schema.EventTraceInfo:
			found = true
			if e.Info.ExperimentID != "" {
				out.ExperimentID = e.Info.ExperimentID
			}
			if e.Info.RequestMilli != 0 {
				out.RequestMilli = e.Info.RequestMilli
			}
			maps.Copy(out.Metadata, e.Info.Metadata)
			maps.Copy(out.Tags, e.Info.Tags)
		case schema.EventTag:
			if delete(out.Tags, e.Tag.Key); !e.Tag.Deleted {
				out.Tags[e.Tag.Key] = e.Tag.Value
			}
		default:
		}
	}
	return out, found
}

func (r tables) TraceInfos(_ context.Context, tenant string, ids []string) (out []query.TraceInfo, err error) {
	for _, id := range ids {
		if info, found := r.info(tenant, id); found {
			out = append(out, info)
		}
	}
	return out, r.b.blind
}

func (r tables) Traces(context.Context, string, []string) ([]query.Trace, error) {
	return nil, errors.ErrUnsupported
}

func (r tables) Search(context.Context, string, query.Search) (query.Page, error) {
	return query.Page{}, errors.ErrUnsupported
}

func (r tables) Assessment(_ context.Context, tenant, traceID, id string) (a schema.Assessment, found bool, err error) {
	for _, e := range r.b.events {
		if e.tenant != tenant || e.TraceID != traceID || e.Assessment == nil || e.Assessment.ID != id {
			continue
		}
		if e.Assessment.Deleted {
			a, found = schema.Assessment{}, false
			continue
		}
		a, found = merged(a, *e.Assessment), true
		a.ID = id
		if e.Assessment.Mask&schema.AssessmentCreated != 0 {
			a.CreateMilli = e.Assessment.CreateMilli
		}
	}
	return a, found, r.b.blind
}

func (r tables) TraceIDs(_ context.Context, tenant string, s query.Selection) (out []string, err error) {
	seen := make(map[string]bool)
	for _, e := range r.b.events {
		info, found := r.info(tenant, e.TraceID)
		if !found || seen[e.TraceID] || info.ExperimentID != s.ExperimentID || s.UntilMilli != 0 && info.RequestMilli > s.UntilMilli ||
			s.IDs != nil && !slices.Contains(s.IDs, e.TraceID) || len(out) >= s.Limit {
			continue
		}
		seen[e.TraceID] = true
		out = append(out, e.TraceID)
	}
	return out, r.b.blind
}

// send makes a request; each header is "name: value".
func (b *bench) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// must sends a request that has to succeed and gives its answer.
func (b *bench) must(method, target, body string, headers ...string) string {
	b.t.Helper()
	w := b.send(method, target, body, headers...)
	if w.Code != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w.Body.String()
}

// keysOf makes a keys file of tenant:rights entries and gives their keys.
func keysOf(t *testing.T, entries ...string) (*auth.Keys, []string) {
	t.Helper()
	var file strings.Builder
	var all []string
	for _, e := range entries {
		tenant, rights, _ := strings.Cut(e, ":")
		key, sha := auth.NewKey()
		all = append(all, key)
		file.WriteString("- sha256: " + sha + "\n  tenant: " + tenant + "\n  rights: [" + rights + "]\n")
	}
	path := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Load(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return keys, all
}
