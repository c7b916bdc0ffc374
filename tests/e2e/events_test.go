package e2e_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// eventTables and the kinds that go there.
var eventTables = []string{"trace_info", "trace_tags", "assessments", "trace_deletions"}

// writeTo puts a record into a partition of a topic, as any Kafka client may.
func writeTo(t *testing.T, up *harness.Instance, topic string, partition int, m kafka.Message) {
	t.Helper()
	conn, err := kafka.DialLeader(t.Context(), "tcp", up.Kafka, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	m.Time = time.Now()
	if _, err := conn.WriteMessages(m); err != nil {
		t.Fatalf("write to %s/%d: %v", topic, partition, err)
	}
}

// tell writes events of one trace to their partition, as a gateway does.
func tell(t *testing.T, up *harness.Instance, trace string, events ...schema.Event) {
	t.Helper()
	for i := range events {
		events[i].TraceID = trace
	}
	value, err := schema.EncodeEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	writeTo(t, up, schema.TopicEvents, int(schema.PartitionOfKey(trace, partitions)), kafka.Message{
		Value: value, Headers: []kafka.Header{{Key: schema.HeaderTenant, Value: []byte("default")}, {Key: schema.HeaderVersion, Value: []byte(schema.EventsVersion)}},
	})
}

// about is a trace info, a tag and an assessment, numbered.
func about(n int) []schema.Event {
	return []schema.Event{
		{Kind: schema.EventTraceInfo, Info: &schema.TraceInfo{State: "OK", Metadata: map[string]string{"n": fmt.Sprint(n)}}},
		{Kind: schema.EventTag, Tag: &schema.Tag{Key: "n", Value: fmt.Sprint(n)}},
		{Kind: schema.EventAssessment, Assessment: &schema.Assessment{ID: "a", Mask: schema.AssessmentValue, Value: fmt.Sprint(n)}},
	}
}

func awaitSQL(t *testing.T, up *harness.Instance, want, query string) {
	t.Helper()
	harness.Eventually(t, func() error {
		got, err := up.TrySQL(t, query)
		if err == nil && got != want {
			err = fmt.Errorf("%s: got %q, want %q", query, got, want)
		}
		return err
	})
}

// TestEventsLandOnceWhateverIsKilled kills the process between the steps of the
// protocol while events are told; in the end each is in its table once, and the
// last word about a trace is the last that was said. Then a trace is deleted,
// and no replay of the log brings it back.
func TestEventsLandOnceWhateverIsKilled(t *testing.T) {
	plant := harness.NewUp(t)
	env := []string{"SPANMILL_DEADLINE=2s", "SPANMILL_MAX_AGE=200ms"}
	const trace = "0af7651916cd43dd8448eb211c80319c"
	told, recovered := 0, 0
	for i, point := range []string{"after_intent", "after_table_1", "after_insert"} {
		reached := filepath.Join(t.TempDir(), "reached")
		up := harness.Start(t, plant, harness.Options{
			Tags: "faults", Env: append(env[:2:2], "SPANMILL_FAULT="+point, "SPANMILL_FAULT_FILE="+reached),
		})
		harness.Eventually(t, func() error {
			told++
			tell(t, up, trace, about(told)...)
			if _, err := os.Stat(reached); errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("start %d never came to %s", i, point)
			}
			return nil
		})
		recovered += recoveredIntents(t, up)
		up.Kill()
	}
	up := harness.Start(t, plant, harness.Options{Env: env})
	for _, table := range eventTables[:3] {
		awaitSQL(t, up, fmt.Sprint(told), "SELECT count() FROM "+table)
		if got := up.SQL(t, "SELECT count() - uniqExact(src_log, src_partition, src_offset, src_index) FROM "+table); got != "0" {
			t.Errorf("%s rows of %s are there twice", got, table)
		}
	}
	last := fmt.Sprint(told)
	for _, query := range []string{"SELECT argMax(metadata['n'], version) FROM trace_info", "SELECT argMax(value, version) FROM trace_tags", "SELECT argMaxIf(value, version, bitAnd(mask, 4) != 0) FROM assessments"} {
		if got := up.SQL(t, query); got != last {
			t.Errorf("%s: %s, want %s", query, got, last)
		}
	}
	if recovered += recoveredIntents(t, up); recovered < 3 {
		t.Errorf("%d intents were recovered, want 3: the kills missed", recovered)
	}
	deleteAndReplay(t, up, trace, told)
	up.Terminate(t)
}

// deleteAndReplay deletes the trace, and spans of another, and has the rows
// deleted as the background does: by the rule of the table's comment.
func deleteAndReplay(t *testing.T, up *harness.Instance, trace string, told int) {
	t.Helper()
	send(t, up, newTrace("deleted", 5))
	awaitCount(t, up, "deleted", 5)
	spans := up.SQL(t, "SELECT any(trace_id) FROM spans WHERE service_name = 'deleted'")
	for _, id := range []string{trace, spans} {
		tell(t, up, id, schema.Event{Kind: schema.EventTraceDeleted})
	}
	awaitSQL(t, up, "2", "SELECT count() FROM trace_deletions")
	verify(t, up, 0, "exact: ")
	tables := []string{"trace_info", "trace_tags", "assessments", "spans", "trace_parts"}
	for _, table := range tables {
		up.SQL(t, "DELETE FROM "+table+" WHERE trace_id IN ('"+trace+"', '"+spans+"')")
	}
	verify(t, up, 0, "exact: ", fmt.Sprintf("%d deleted", 3*told+6))
	replay(t, up, 0, 0)
	for _, table := range tables {
		if got := up.SQL(t, "SELECT count() FROM "+table+" WHERE trace_id IN ('"+trace+"', '"+spans+"')"); got != "0" {
			t.Errorf("%s: the replay brought %s rows back", table, got)
		}
	}
	// A table that lost rows is mended, deletions first of all.
	tell(t, up, "kept", about(1)...)
	awaitSQL(t, up, "1", "SELECT count() FROM trace_tags")
	for _, table := range eventTables {
		up.SQL(t, "TRUNCATE TABLE "+table)
	}
	verify(t, up, 1, "trace_deletions 2 missing", "trace_tags 1 missing")
	if code, out := run(t, up, "replay", "--from", "0"); code != 0 || !strings.Contains(out, "5 rows of events were missing") {
		t.Errorf("replay: exit %d\n%s", code, out)
	}
	verify(t, up, 0, "exact: ")
}

// TestExperimentsAreInSQL: the newest record of an experiment is its row.
func TestExperimentsAreInSQL(t *testing.T) {
	up := harness.Start(t, harness.NewUp(t), harness.Options{})
	for i := range 3 {
		x := schema.Experiment{ID: "7", Name: fmt.Sprint("name ", i), Stage: schema.ExperimentActive}
		value, err := schema.EncodeExperiment(&x)
		if err != nil {
			t.Fatal(err)
		}
		writeTo(t, up, schema.TopicExperiments, 0, kafka.Message{Key: []byte("default/7"), Value: value})
	}
	awaitSQL(t, up, "1\tname 2", "SELECT uniqExact(tenant, experiment_id), argMax(name, version) FROM experiments")
	up.Terminate(t)
}
