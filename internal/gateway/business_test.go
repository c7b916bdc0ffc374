package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
)

// postEvents posts a body of events as JSON.
func (b *bundle) postEvents(t *testing.T, body string, headers ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+businessPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", typeJSON)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// landed are the business events that the bus has.
func landed(t *testing.T, b *fakeBus) (out []schema.Event) {
	t.Helper()
	for _, r := range b.records {
		events, err := schema.DecodeEvents(r.Value)
		if err != nil || r.Topic != schema.TopicEvents {
			t.Fatalf("a record of %s: %v", r.Topic, err)
		}
		out = append(out, events...)
	}
	return out
}

// malformedItems are events that are not taken, each for its own reason.
var malformedItems = []string{
	`null`, `7`, `"feedback"`, `[]`, `{}`,
	`{"name":7}`,
	`{"name":"Feedback","time":"2026-11-28T09:30:00Z"}`,
	`{"name":"a..b","time":"2026-11-28T09:30:00Z"}`,
	`{"name":"` + strings.Repeat("n", 65) + `","time":"2026-11-28T09:30:00Z"}`,
	`{"name":"x"}`,
	`{"name":"x","time":null}`,
	`{"name":"x","time":"yesterday"}`,
	`{"name":"x","time":"2026-11-28 09:30:00"}`,
	`{"name":"x","time":"1970-01-01T00:00:00Z"}`,
	`{"name":"x","time":"2300-01-01T00:00:00Z"}`,
	`{"name":"x","time":-1}`,
	`{"name":"x","time":1764322200.5}`,
	`{"name":"x","time":9223372036855}`,
	`{"name":"x","time":true}`,
	`{"name":"x","time":1,"id":7}`,
	`{"name":"x","time":1,"id":"` + strings.Repeat("i", 257) + `"}`,
	`{"name":"x","time":1,"session_id":{}}`,
	`{"name":"x","time":1,"user_id":["ann"]}`,
	`{"name":"x","time":1,"user_id":"` + strings.Repeat("u", 257) + `"}`,
	`{"name":"x","time":1,"trace_id":"12"}`,
	`{"name":"x","time":1,"trace_id":"00000000000000000000000000000000"}`,
	`{"name":"x","time":1,"value":"12"}`,
	`{"name":"x","time":1,"value":1e10}`,
	`{"name":"x","time":1,"attrs":[]}`,
	`{"name":"x","time":1,"attrs":{"a":{"b":1}}}`,
	`{"name":"x","time":1,"attrs":{"":"1"}}`,
	`{"name":"x","time":1,"attrs":{"a":"` + strings.Repeat("v", 4097) + `"}}`,
	`{"name":"x","time":1,"colour":"red"}`,
	`{"name":"feedback","time":1,"value":1}`,
	`{"name":"feedback","time":1,"value":1,"attrs":{"kind":"smile"}}`,
	`{"name":"feedback","time":1,"attrs":{"kind":"thumbs"}}`,
	`{"name":"feedback","time":1,"value":2,"attrs":{"kind":"thumbs"}}`,
	`{"name":"feedback","time":1,"value":4.5,"attrs":{"kind":"csat"}}`,
	`{"name":"feedback","time":1,"value":11,"attrs":{"kind":"nps"}}`,
	`{"name":"session.outcome","time":1,"attrs":{"outcome":"resolved"}}`,
	`{"name":"session.outcome","time":1,"session_id":"s","attrs":{"outcome":"won"}}`,
	`{"name":"goal","time":1}`,
	`{"name":"ticket","time":1,"attrs":{"state":"lost"}}`,
	`{"name":"task","time":1,"attrs":{"task":"invoice"}}`,
	`{"name":"feature.use","time":1,"attrs":{"feature":null}}`,
}

// TestMalformedEventsGetExactAnswers: what is said of each of them is in
// testdata, and it is said of none but those; the others land.
func TestMalformedEventsGetExactAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const good = `{"id":"g%d","name":"x","time":1}`
	var items []string
	for i, bad := range malformedItems {
		items = append(items, bad, fmt.Sprintf(good, i))
	}
	status, text := b.postEvents(t, "["+strings.Join(items, ",\n")+"]")
	var answer businessAnswer
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v: %s", status, err, text)
	}
	n := len(malformedItems)
	if answer.Accepted != n || answer.Rejected != n || len(answer.Errors) != n || len(landed(t, b.bus)) != n {
		t.Fatalf("%d malformed ones beside as many good ones: %d accepted, %d rejected, %d landed", n, answer.Accepted, answer.Rejected, len(landed(t, b.bus)))
	}
	var table strings.Builder
	for i, flaw := range answer.Errors {
		if flaw.Index != 2*i || answer.IDs[2*i] != nil || answer.IDs[2*i+1] == nil || *answer.IDs[2*i+1] != fmt.Sprintf("g%d", i) {
			t.Errorf("error %d is of item %d, with ids %v", i, flaw.Index, answer.IDs[2*i:2*i+2])
		}
		fmt.Fprintf(&table, "%s\n  %s | %s | %s\n", shortened(malformedItems[i]), flaw.Code, flaw.Field, flaw.Message)
	}
	testkit.Golden(t, "malformed_events.txt", []byte(table.String()))
	if status, text := b.postEvents(t, malformedItems[9]); status != http.StatusBadRequest || !strings.Contains(text, `"rejected":1`) {
		t.Errorf("a bad one alone: %d, %s", status, text)
	}
	if got := testutil.ToFloat64(b.g.m.business.WithLabelValues("accepted")); got != float64(n) {
		t.Errorf("counted %v accepted", got)
	}
}

func shortened(item string) string {
	if len(item) > 100 {
		return item[:60] + "…" + item[len(item)-10:]
	}
	return item
}

// TestEventsAreIdempotent: sent again, an event has the same id and lies in the
// same partition, whether its sender gave an id or not.
func TestEventsAreIdempotent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const body = `[{"name":"goal","time":1764322200000,"session_id":"s","value":12.5,"attrs":{"goal":"buy","n":3,"vip":true,"none":null}},
		{"id":"order-1","name":"goal","time":"2025-11-28T09:30:00Z","trace_id":"tr-0AF7651916CD43DD8448EB211C80319C","attrs":{"goal":"buy"}}]`
	_, first := b.postEvents(t, body)
	if _, again := b.postEvents(t, body); again != first {
		t.Errorf("sent again: %s instead of %s", again, first)
	}
	events := landed(t, b.bus)
	if len(events) != 4 {
		t.Fatalf("%d events", len(events))
	}
	want := map[string]schema.Event{
		"s": {Kind: schema.EventBusiness, Business: &schema.Business{
			Name: "goal", TimeNano: 1764322200000 * 1e6, SessionID: "s", Value: schema.Amount{N: 12_500_000, Set: true}, Attrs: map[string]string{"goal": "buy", "n": "3", "vip": "true"},
		}},
		"": {Kind: schema.EventBusiness, TraceID: "0af7651916cd43dd8448eb211c80319c", Business: &schema.Business{
			ID: "order-1", Name: "goal", TimeNano: 1764322200000 * 1e6, Attrs: map[string]string{"goal": "buy"},
		}},
	}
	derived := want["s"].Business
	derived.ID = derived.DerivedID("")
	for i, r := range b.bus.records {
		of, err := schema.DecodeEvents(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range of {
			e.Index = 0
			if diff := cmp.Diff(want[e.Business.SessionID], e); diff != "" || r.Partition != schema.PartitionOfKey(e.Key(), 4) {
				t.Errorf("record %d in partition %d (-want +got):\n%s", i, r.Partition, diff)
			}
		}
	}
}

// TestEventsAreRefusedAsAWhole where the request is none, and where the bus does
// not take them: then nothing landed.
func TestEventsAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	many := "[" + strings.Repeat("{},", maxBusinessItems) + "{}]"
	for body, want := range map[string]struct {
		status int
		text   string
	}{
		"":                                     {400, "want a JSON object, or a list of them"},
		`"x"`:                                  {400, "want a JSON object, or a list of them"},
		`[{"name":"x"`:                         {400, "not JSON: it breaks off or goes wrong at byte 12"},
		`[{"name":"x","time":1} {"name":1}]`:   {400, "not JSON: it breaks off or goes wrong at byte 23"},
		`{"name":"x","time":1} {}`:             {400, "not JSON: something follows at byte 23"},
		`{"name":"x","time":1}]`:               {400, "not JSON: something follows at byte 21"},
		many:                                   {413, "more than 10000 events: send smaller batches"},
		strings.Repeat(" ", maxBusinessBody+1): {413, "the request is larger than 4194304 bytes: send smaller batches"},
	} {
		status, answer := b.postEvents(t, body)
		var said struct {
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(answer), &said); err != nil || status != want.status || said.Message != want.text {
			t.Errorf("%.40q: %d, %s, %v", body, status, answer, err)
		}
	}
	if status, _ := b.postEvents(t, "{}", "Content-Type", "text/plain"); status != http.StatusUnsupportedMediaType {
		t.Errorf("text: %d", status)
	}
	if status, _ := b.postEvents(t, "{}", "Content-Encoding", "br"); status != http.StatusUnsupportedMediaType {
		t.Errorf("brotli: %d", status)
	}
	b.bus.err = fmt.Errorf("no leader")
	if status, _ := b.postEvents(t, `{"name":"x","time":1}`); status != http.StatusServiceUnavailable {
		t.Errorf("a bus that fails: %d", status)
	}
	if len(b.bus.records) != 0 || b.g.budget.used.Load() != 0 {
		t.Errorf("%d records landed, %d bytes of the budget are not given back", len(b.bus.records), b.g.budget.used.Load())
	}
	if status, text := b.postEvents(t, "[]"); status != http.StatusOK || text != `{"accepted":0,"rejected":0,"ids":[],"errors":[]}` {
		t.Errorf("no events: %d, %s", status, text)
	}
}

// eventsPage is the page, as testkit.Golden names it.
const eventsPage = "../../../docs/events.md"

// TestEventsPage makes the events of docs/events.md, and posts every example
// there is on it.
func TestEventsPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", eventsPage))
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- Made from the code: go test ./internal/gateway -run TestEventsPage -update -->\n", "<!-- end -->\n"
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("docs/events.md has lost its marks")
	}
	page := head + begin + definitionsText() + end + tail
	testkit.Golden(t, eventsPage, []byte(page))

	b := setup(t)
	examples := 0
	for _, part := range strings.Split(page, "```json\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		if strings.Contains(example, `"accepted"`) {
			continue // an answer
		}
		examples++
		if status, answer := b.postEvents(t, example); status != http.StatusOK || !strings.Contains(answer, `"rejected":0`) {
			t.Errorf("%s: %d, %s", example, status, answer)
		}
	}
	_, rest, _ = strings.Cut(page, "-d '")
	body, _, _ := strings.Cut(rest, "'\n")
	if _, answer := b.postEvents(t, body); !strings.Contains(page, "\n"+answer+"\n") {
		t.Errorf("%s is answered %s", body, answer)
	}
	if examples < len(schema.BusinessDefinitions) || len(landed(t, b.bus)) < examples {
		t.Errorf("%d examples, %d landed", examples, len(landed(t, b.bus)))
	}
}

func definitionsText() string {
	var out bytes.Buffer
	for _, d := range schema.BusinessDefinitions {
		fmt.Fprintf(&out, "\n### %s\n\n%s", d.Name, d.Help)
		if d.Session {
			out.WriteString(" It names a session.")
		}
		out.WriteString("\n\n| | |\n|---|---|\n")
		for _, a := range d.Attrs {
			values := ""
			if a.Values != nil {
				values = " One of `" + strings.Join(a.Values, "`, `") + "`."
			}
			required := ""
			if a.Required {
				required = "Required. "
			}
			fmt.Fprintf(&out, "| `attrs.%s` | %s%s%s |\n", a.Name, required, a.Help, values)
		}
		if d.Value != "" {
			fmt.Fprintf(&out, "| `value` | %s |\n", d.Value)
		}
		fmt.Fprintf(&out, "\n```json\n%s\n```\n", d.Example)
	}
	out.WriteByte('\n')
	return out.String()
}

// FuzzReadBusiness: whatever is posted, it is refused or each item of it is an
// event in bounds, or said to be none.
func FuzzReadBusiness(f *testing.F) {
	for _, item := range malformedItems {
		f.Add([]byte(item))
	}
	for _, d := range schema.BusinessDefinitions {
		f.Add([]byte(d.Example))
		f.Add([]byte("[" + d.Example + "," + d.Example + "]"))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := readBusiness(body)
		if err != nil {
			if r := asRefusal(err); r.Reason != ReasonMalformed && r.Reason != ReasonTooLarge {
				t.Fatalf("refused as %s", r.Reason)
			}
			return
		}
		for i := range items {
			e := &items[i].event
			if items[i].flaw != nil {
				continue
			}
			if err := e.Business.Check(); err != nil || e.Business.ID == "" {
				t.Fatalf("%+v: %v", e.Business, err)
			}
			value, err := schema.EncodeEvents([]schema.Event{*e})
			if err != nil {
				t.Fatal(err)
			}
			got, err := schema.DecodeEvents(value)
			if err != nil || len(got) != 1 || got[0].Invalid != "" {
				t.Fatalf("%v, %v", got, err)
			}
		}
	})
}
