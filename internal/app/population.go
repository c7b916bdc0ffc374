package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/demo/population"
	"github.com/spanmill/spanmill/internal/service"
	"github.com/spanmill/spanmill/internal/store"
)

// populationFlags are those of a demo that plays people instead of traces.
type populationFlags struct {
	Users   int           `name:"population" help:"Play so many users over simulated weeks, up to now, with business events and feedback; then compare what is told of them with the ledger." placeholder:"USERS"`
	Days    int           `help:"Days that --population plays." default:"21"`
	Zone    string        `help:"Time zone of --population's days." default:"Europe/Berlin"`
	Assumed string        `name:"write-assumptions" help:"Write the assumptions.yaml that --population reckons with, for 'spanmill up --assumptions', and exit." type:"path" placeholder:"FILE"`
	Settle  time.Duration `help:"How long --population waits for what is told to equal its ledger; 0: it does not look." default:"2m"`
}

// population plays and compares.
func (d *demoCommand) population(c *console) error {
	p := d.People
	if p.Assumed != "" {
		text := population.Assumptions(d.Tenant, p.Zone, population.Usual)
		return os.WriteFile(p.Assumed, []byte(text), 0o644) //nolint:gosec // it is no secret
	}
	a, err := readAddresses(addressesPath(d.Addresses, d.DataDir))
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return err
	}
	key, err := apiKey(d.KeyFile)
	if err != nil {
		return err
	}
	seed := d.Seed
	now := time.Now()
	if seed == 0 {
		seed = uint64(now.UnixNano())
	}
	sessions, err := population.Play(population.Options{Seed: seed, Users: p.Users, Days: p.Days, End: now.Add(-time.Minute), Zone: p.Zone})
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	s := playing{addresses: a, key: key, http: &http.Client{Timeout: time.Minute}}
	if err := s.send(ctx, sessions); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d sessions of %d users sent, seed %d\n", len(sessions), p.Users, seed)
	if p.Settle == 0 {
		return nil
	}
	return d.compare(ctx, c, population.Reckon(sessions, population.Usual, zone, now))
}

// playing sends a population.
type playing struct {
	addresses Addresses
	key       string
	http      *http.Client
}

// eventsAtOnce is how many events a request has.
const eventsAtOnce = 1000

// send sends traces, then events, every tenth of them twice, then what people say
// in MLflow, and what they say when they have thought better of it.
func (p *playing) send(ctx context.Context, sessions []population.Session) error {
	requests, err := population.Requests(sessions, 250)
	if err != nil {
		return err
	}
	for _, body := range requests {
		if _, err := p.post(ctx, http.MethodPost, "http://"+p.addresses.OTLPHTTP+"/v1/traces", body); err != nil {
			return err
		}
	}
	var events []population.Event
	for i := range sessions {
		for n, e := range sessions[i].Events() {
			events = append(events, e)
			if n%10 == 0 {
				events = append(events, e)
			}
		}
	}
	for len(events) > 0 {
		n := min(len(events), eventsAtOnce)
		body, err := json.Marshal(events[:n])
		if err != nil {
			return err
		}
		if _, err := p.post(ctx, http.MethodPost, "http://"+p.addresses.OTLPHTTP+"/api/v1/events", body); err != nil {
			return err
		}
		events = events[n:]
	}
	for i := range sessions {
		for _, t := range sessions[i].Turns {
			if err := p.opine(ctx, &t); err != nil {
				return err
			}
		}
	}
	return nil
}

// opine says in MLflow what a person thinks of a turn.
func (p *playing) opine(ctx context.Context, t *population.Turn) error {
	if t.First == 0 {
		return nil
	}
	base := "http://" + p.addresses.MLflow + "/api/3.0/mlflow/traces/tr-" + t.TraceID + "/assessments"
	value := func(up int) string { return `"feedback": {"value": ` + strconv.FormatBool(up > 0) + `}` }
	body := `{"assessment": {"assessment_name": "helpful", "trace_id": "tr-` + t.TraceID + `", "source": {"source_type": "HUMAN", "source_id": "demo"}, ` + value(t.First) + `}}`
	answer, err := p.post(ctx, http.MethodPost, base, []byte(body))
	if err != nil || t.Thumb == t.First {
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
	if t.Thumb == 0 {
		_, err = p.post(ctx, http.MethodDelete, base+"/"+made.Assessment.ID, nil)
		return err
	}
	body = `{"assessment": {"assessment_id": "` + made.Assessment.ID + `", "trace_id": "tr-` + t.TraceID + `", ` + value(t.Thumb) + `}, "update_mask": "feedback"}`
	_, err = p.post(ctx, http.MethodPatch, base+"/"+made.Assessment.ID, []byte(body))
	return err
}

func (p *playing) post(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		request.Header.Set("Authorization", "Bearer "+p.key)
	}
	response, err := p.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.300s", url, response.Status, answer)
	}
	return answer, err
}

// compare waits until what is told of the tenant equals the ledger.
func (d *demoCommand) compare(ctx context.Context, c *console, want population.Ledger) error {
	s, err := target{Addresses: d.Addresses, DataDir: d.DataDir}.open()
	if err != nil {
		return err
	}
	defer s.Close()
	deadline := time.Now().Add(d.People.Settle)
	for {
		wrong, err := differences(ctx, s, d.Tenant, want)
		if err != nil {
			return err
		}
		if len(wrong) == 0 {
			_, err := fmt.Fprintf(c.out, "%d values of %d metrics equal the ledger\n", len(want), metricsOf(want))
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d values differ from the ledger, such as\n  %s", len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n  "))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func metricsOf(l population.Ledger) int {
	names := make(map[string]bool)
	for k := range l {
		names[k.Metric] = true
	}
	return len(names)
}

// differences lists what is told otherwise than the ledger has it.
func differences(ctx context.Context, s *store.Store, tenant string, want population.Ledger) (out []string, err error) {
	rows, err := store.Scheduled{Store: s}.Answer(ctx, "SELECT view, metric, arrayStringConcat(arrayMap((k, v) -> k || '=' || v, mapKeys(labels), mapValues(labels)), ',') AS l,"+
		" toUnixTimestamp(time), sum(count) AS n, sum(sum) AS s FROM business_1m FINAL WHERE tenant = {tenant:String} GROUP BY view, metric, l, time HAVING n != 0 OR s != 0",
		map[string]string{"tenant": tenant})
	if err != nil {
		return nil, err
	}
	left := maps.Clone(want)
	for _, row := range rows {
		k := population.Key{View: row[0], Metric: row[1], Labels: row[2]}
		var got population.Amount
		if _, err := fmt.Sscan(row[3]+" "+row[4]+" "+row[5], &k.Time, &got.N, &got.Part); err != nil {
			return nil, fmt.Errorf("read what is told: %w", err)
		}
		if got != want[k] {
			out = append(out, fmt.Sprintf("%s of %s{%s} at %s: %d of %d, want %d of %d",
				k.Metric, k.View, k.Labels, time.Unix(k.Time, 0).UTC().Format(time.RFC3339), got.Part, got.N, want[k].Part, want[k].N))
		}
		delete(left, k)
	}
	for k, a := range left {
		out = append(out, fmt.Sprintf("%s of %s{%s} at %s is not told, want %d of %d", k.Metric, k.View, k.Labels, time.Unix(k.Time, 0).UTC().Format(time.RFC3339), a.Part, a.N))
	}
	return out, nil
}
