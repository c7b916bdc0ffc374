package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
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
	s := people{file: addressesPath(d.Addresses, d.DataDir), key: key, http: &http.Client{Timeout: 20 * time.Second}, rng: rand.New(rand.NewPCG(seed, 0xa11))}
	if s.addresses, err = readAddresses(s.file); err != nil {
		return err
	}
	sessions, err := population.Play(population.Options{Seed: seed, Users: p.Users, Days: p.Days, End: now.Add(-time.Minute), Zone: p.Zone})
	if err != nil {
		return err
	}
	ctx, stop := service.Signals(context.Background(), slog.New(slog.DiscardHandler))
	defer stop()
	if err := s.send(ctx, sessions); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d sessions of %d users sent, seed %d: %d requests, %d of them again because they were not answered\n", len(sessions), p.Users, seed, s.sent, s.again)
	if p.Settle == 0 {
		return nil
	}
	return d.compare(ctx, c, func() population.Ledger {
		want := population.Reckon(sessions, population.Usual, zone, time.Now())
		maps.Copy(want, population.Stream(sessions))
		return want
	})
}

// compare waits until what is told of the tenant equals the ledger, which time
// changes too: whether a user came back is certain two days later. Then it keeps
// the ledger.
func (d *demoCommand) compare(ctx context.Context, c *console, ledger func() population.Ledger) error {
	s, err := target{Addresses: d.Addresses, DataDir: d.DataDir}.open()
	if err != nil {
		return err
	}
	defer s.Close()
	deadline := time.Now().Add(d.People.Settle)
	for {
		want := ledger()
		wrong, err := differences(ctx, s, d.Tenant, want)
		if err != nil {
			return err
		}
		if len(wrong) == 0 {
			fmt.Fprintf(c.out, "%d values of %d metrics equal the ledger\n", len(want), metricsOf(want))
			return d.keep(want)
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

// keep writes the ledger to a file, if one is named: what every metric must be, a
// line of JSON each.
func (d *demoCommand) keep(l population.Ledger) error {
	if d.Ledger == "" {
		return nil
	}
	var b bytes.Buffer
	for k, a := range l {
		line, err := json.Marshal(population.Entry{Key: k, Amount: a})
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		b.Write(append(line, '\n'))
	}
	return os.WriteFile(d.Ledger, b.Bytes(), 0o644) //nolint:gosec // it is no secret
}

func metricsOf(l population.Ledger) int {
	names := make(map[string]bool)
	for k := range l {
		names[k.Metric] = true
	}
	return len(names)
}

// tellings are what is told of a tenant: what is made on a schedule, and what is
// streamed and counts exactly.
const tellings = "SELECT view, metric, arrayStringConcat(arrayMap((k, v) -> k || '=' || v, mapKeys(labels), mapValues(labels)), ',') AS l, toUnixTimestamp(time), sum(count) AS n, sum(sum) AS s" +
	" FROM (SELECT view, metric, labels, time, count, sum FROM business_1m FINAL WHERE tenant = {tenant:String}" +
	"     UNION ALL SELECT view, metric, labels, toStartOfMinute(pane), count, sum FROM rollups WHERE tenant = {tenant:String} AND NOT is_eval AND has({streamed:Array(String)}, view || ' ' || metric))" +
	" GROUP BY view, metric, l, time HAVING n != 0 OR s != 0"

// differences lists what is told otherwise than the ledger has it.
func differences(ctx context.Context, s *store.Store, tenant string, want population.Ledger) (out []string, err error) {
	rows, err := store.Scheduled{Store: s}.Answer(ctx, tellings, map[string]string{"tenant": tenant, "streamed": population.Streamed()})
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
