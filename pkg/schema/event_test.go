package schema_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
)

const eventTrace = "0af7651916cd43dd8448eb211c80319c"

// eventsByKind has an event of each kind with every field set.
func eventsByKind() []schema.Event {
	return []schema.Event{
		{Kind: schema.EventTraceInfo, TraceID: eventTrace, Info: &schema.TraceInfo{
			ExperimentID: "7", ClientRequestID: "req-1", RequestMilli: 1_790_000_000_123, DurationMilli: schema.Count{N: 0, Set: true},
			State: "OK", RequestPreview: "What is Ä?", ResponsePreview: "A letter.",
			Metadata: map[string]string{"mlflow.trace.session": "s1", "mlflow.user": "ann"},
			Tags:     map[string]string{"mlflow.traceName": "ask", "empty": ""},
		}},
		{Kind: schema.EventTag, TraceID: eventTrace, Tag: &schema.Tag{Key: "stage", Value: "prod", Deleted: true}},
		{Kind: schema.EventAssessment, TraceID: eventTrace, Assessment: &schema.Assessment{
			ID: "a-1", Mask: schema.AssessmentAll, Deleted: true, Name: "correct", SourceType: "LLM_JUDGE", SourceID: "gpt",
			CreateMilli: 1_790_000_000_124, UpdateMilli: 1_790_000_000_125, Type: "feedback", Value: `{"a":[1,true]}`, Serialized: true,
			Error:     &schema.AssessmentError{Code: "TIMEOUT", Message: "too slow", Stack: "at f\nat g"},
			Rationale: "because", Metadata: map[string]string{"k": "v"}, SpanID: "00f067aa0ba902b7", Overrides: "a-0", Valid: true,
		}},
		{Kind: schema.EventTraceDeleted, TraceID: eventTrace},
		{Kind: schema.EventContent, TraceID: eventTrace, Content: &schema.Content{
			SpanID: "00f067aa0ba902b7", EventName: "gen_ai.user.message", TimeNano: 1_790_000_000_000_000_001, Output: true, Index: 3,
			Role: "user", Body: `{"content":"hi"}`, Attrs: map[string]string{"gen_ai.system": "openai"}, SessionID: "s1",
		}},
		{Kind: schema.EventBusiness, Business: &schema.Business{
			ID: "b-1", Name: "ticket_closed", TimeNano: 1_790_000_000_000_000_002, SessionID: "s1", UserID: "u1",
			Value: schema.Amount{N: 12_500_000, Set: true}, Attrs: map[string]string{"channel": "chat"},
		}},
	}
}

// TestEventsGolden: what was ever written decodes for ever. A new version of the
// format adds files, and never changes one.
func TestEventsGolden(t *testing.T) {
	for _, e := range eventsByKind() {
		t.Run(e.Kind.String(), func(t *testing.T) {
			value, err := schema.EncodeEvents([]schema.Event{e})
			if err != nil {
				t.Fatal(err)
			}
			got, err := schema.DecodeEvents(golden(t, "events.v1."+e.Kind.String()+".msgpack", value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]schema.Event{e}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEventsOfARecordKeepTheirOrder(t *testing.T) {
	want := eventsByKind()
	value, err := schema.EncodeEvents(want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Index = uint32(i)
	}
	got, err := schema.DecodeEvents(value)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUnknownEventFields: what a later version adds is passed over, and a kind
// that is not known leaves its neighbours alone.
func TestUnknownEventFields(t *testing.T) {
	value := packed(t, []any{1, []any{
		map[string]any{"kind": 2, "trace_id": "x", "colour": map[string]any{"deep": []any{1, "two", nil, 3.5}}, "tag": map[string]any{"key": "k", "new": true, "value": "v"}},
		map[string]any{"kind": 99, "trace_id": "x", "novelty": "?"},
		map[string]any{"kind": 4, "trace_id": "x"},
	}, "an element more"})
	got, err := schema.DecodeEvents(value)
	if err != nil {
		t.Fatal(err)
	}
	want := []schema.Event{
		{Kind: schema.EventTag, TraceID: "x", Tag: &schema.Tag{Key: "k", Value: "v"}},
		{Kind: 99, TraceID: "x", Index: 1, Invalid: schema.EventUnknown},
		{Kind: schema.EventTraceDeleted, TraceID: "x", Index: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnusableEventsSayWhy(t *testing.T) {
	for want, e := range map[string]schema.Event{
		schema.EventUnknown: {Kind: 200, TraceID: "x"},
		schema.EventEmpty:   {Kind: schema.EventTag, TraceID: "x"},
		schema.EventNoTrace: {Kind: schema.EventTraceDeleted},
		schema.EventNoKey:   {Kind: schema.EventAssessment, TraceID: "x", Assessment: &schema.Assessment{Name: "n"}},
	} {
		value, err := schema.EncodeEvents([]schema.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		got, err := schema.DecodeEvents(value)
		if err != nil || len(got) != 1 || got[0].Invalid != want {
			t.Errorf("want %s: %+v, %v", want, got, err)
		}
	}
}

func TestValuesThatAreNoEvents(t *testing.T) {
	good, err := schema.EncodeEvents(eventsByKind())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{
		"nothing":           nil,
		"a text":            packed(t, "events"),
		"no list":           packed(t, []any{1}),
		"a later version":   packed(t, []any{2, []any{}}),
		"bytes behind it":   append(bytes.Clone(good), 0xc0),
		"a length too long": {0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff},
		"nested for ever":   append([]byte{0x92, 0x01, 0x91, 0x81, 0xa1, 'x'}, bytes.Repeat([]byte{0x91}, 1<<20)...),
	} {
		if got, err := schema.DecodeEvents(value); err == nil {
			t.Errorf("%s: taken for %v", name, got)
		}
	}
	for n := range good {
		if got, err := schema.DecodeEvents(good[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes: taken for %v", n, len(good), got)
		}
	}
}

// TestEventsOfAStrangerAreBounded: a value of the topic's limit that is made to
// be large in memory is not.
func TestEventsOfAStrangerAreBounded(t *testing.T) {
	many := append([]byte{0x92, 0x01, 0xdd, 0x01, 0x00, 0x00, 0x00}, bytes.Repeat([]byte{0x80}, 1<<24)...)
	pairs := append([]byte{0x92, 0x01, 0x91, 0x81, 0xa4}, "info"...)
	pairs = append(append(pairs, 0x81, 0xa4), "tags"...)
	pairs = append(pairs, 0xdf, 0x00, 0x40, 0x00, 0x00)
	for i := range 1 << 20 {
		pairs = append(append(pairs, 0xa5), fmt.Sprintf("%05x\xa0", i)...)
	}
	for name, value := range map[string][]byte{"events": many, "pairs": pairs} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := schema.DecodeEvents(value)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 64<<20 {
			t.Errorf("%s: %d bytes of memory for %d, %v", name, used, len(value), err)
		}
	}
}

func TestTooManyEventsAreNotEncoded(t *testing.T) {
	if _, err := schema.EncodeEvents(make([]schema.Event, schema.MaxEvents+1)); err == nil {
		t.Error("encoded")
	}
}

func TestPartitionOfKey(t *testing.T) {
	trace, ok := schema.ParseTraceID(eventTrace)
	if !ok || trace.String() != eventTrace {
		t.Fatalf("%v, %v", trace, ok)
	}
	for n := 1; n < 40; n++ {
		if got, want := schema.PartitionOfKey(eventTrace, n), schema.PartitionOf(trace, n); got != want {
			t.Errorf("%d partitions: event in %d, spans in %d", n, got, want)
		}
		for _, key := range []string{"", "a", strings.ToUpper(eventTrace), eventTrace[1:]} {
			if got := schema.PartitionOfKey(key, n); got < 0 || int(got) >= n {
				t.Errorf("%q in %d of %d", key, got, n)
			}
		}
	}
	if _, ok := schema.ParseTraceID(strings.Repeat("z", 32)); ok {
		t.Error("no hexadecimal, taken for a trace id")
	}
}

func TestExperimentGolden(t *testing.T) {
	want := schema.Experiment{
		ID: "42", Name: "support bot", ArtifactLocation: "mlflow-artifacts:/42", Stage: schema.ExperimentDeleted,
		CreateMilli: 1_790_000_000_000, UpdateMilli: 1_790_000_000_001, Tags: map[string]string{"team": "a"},
	}
	value, err := schema.EncodeExperiment(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := schema.DecodeExperiment(golden(t, "experiment.v1.msgpack", value))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, value := range map[string][]byte{
		"nothing": nil, "no id": packed(t, []any{1, map[string]any{"name": "x"}}), "a later version": packed(t, []any{9, map[string]any{"id": "1"}}),
	} {
		if x, err := schema.DecodeExperiment(value); err == nil {
			t.Errorf("%s: taken for %v", name, x)
		}
	}
}

// FuzzDecodeEvents: anybody may write to the topic. What decodes encodes to what
// decodes the same.
func FuzzDecodeEvents(f *testing.F) {
	events := eventsByKind()
	for i := range events {
		value, err := schema.EncodeEvents(events[i : i+1])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Add([]byte{0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := schema.DecodeEvents(value)
		if err != nil {
			return
		}
		again, err := schema.EncodeEvents(got)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := schema.DecodeEvents(again)
		if err != nil {
			t.Fatal(err)
		}
		third, err := schema.EncodeEvents(twice)
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("not the same again: %x, %x, %v", again, third, err)
		}
	})
}

// golden compares value with the file, and gives the file's content.
func golden(t *testing.T, name string, value []byte) []byte {
	t.Helper()
	testkit.Golden(t, name, value)
	kept, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// packed is any value in msgpack.
func packed(t *testing.T, v any) []byte {
	t.Helper()
	value, err := msgpack.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
