package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// shape is a record that cannot be stored, and how it is mended.
type shape struct {
	name, reason string
	index        int // of the origin: the first invalid span
	poison       kafka.Message
	mend         []byte // the value it should have had; nil: it is all right as it is
	lands        string // the names of its spans that are stored in the end, sorted
}

// poisons are twelve shapes, each meant for its partition.
func poisons(t *testing.T) []shape {
	t.Helper()
	var shapes []shape
	add := func(name, reason string, poison func(good []byte) []byte) {
		partition := len(shapes) % partitions
		good := recordOf(t, "poison-"+name, spanOf("a", partition), spanOf("b", partition)).Value
		shapes = append(shapes, shape{name: name, reason: reason, index: -1, poison: kafka.Message{Value: poison(good)}, mend: good, lands: "a,b"})
	}
	add("bytes", "undecodable", func([]byte) []byte { return []byte("\xff\xfe\xfd\xfc") })
	add("truncated", "undecodable", func(good []byte) []byte { return good[:len(good)-5] })
	add("wire-type", "undecodable", func(good []byte) []byte { return append([]byte{0x0d}, good...) }) // field 1 as fixed32
	add("empty", "empty", func([]byte) []byte { return []byte{} })
	add("tombstone", "empty", func([]byte) []byte { return nil })
	add("not-otlp", "undecodable", func([]byte) []byte { return []byte("\x00\x00\x00\x00\x07\x02\x06foo\x1e") }) // Avro of a schema registry
	add("text", "undecodable", func([]byte) []byte { return []byte("2026-01-01T00:00:00Z INFO started\n") })
	add("json", "undecodable", func(good []byte) []byte {
		text, err := json.Marshal(map[string]string{"resourceSpans": string(good)})
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
	// As large as the topic takes: with the headers of a dead letter it is larger.
	add("oversize", "undecodable", func([]byte) []byte { return []byte(longText(9, 20*mib-150)) })
	add("version", "unknown_version", func(good []byte) []byte { return good })
	shapes[len(shapes)-1].poison.Headers = []kafka.Header{{Key: "v", Value: []byte("77")}}

	p := len(shapes) % partitions
	bad := spanOf("b", p)
	id := bad.SpanId
	bad.SpanId = id[:3]
	spans := []*tracepb.Span{spanOf("a", p), bad, spanOf("c", p)}
	s := shape{name: "invalid", reason: "invalid_span", index: 1, poison: recordOf(t, "poison-invalid", spans...), lands: "a,b,c"}
	bad.SpanId = id
	s.mend = recordOf(t, "poison-invalid", spans...).Value
	shapes = append(shapes, s)

	// What the table refuses, in a record with a span that is a resend of the
	// neighbour before it.
	p = len(shapes) % partitions
	return append(shapes, shape{
		name: "rejected", reason: "store_rejected", index: -1, lands: "b,rejected",
		poison: recordOf(t, "poison-rejected", spanOf("rejected", p), spanOf("b", p)),
	})
}

// deadLetterCommand runs spanmill dead-letters.
func deadLetterCommand(t *testing.T, up *harness.Instance, args ...string) string {
	t.Helper()
	where := []string{"--brokers", up.Kafka}
	if up.Target[0] == "--addresses" {
		where = up.Target
	}
	args = slices.Concat([]string{"dead-letters", args[0]}, where, args[1:])
	out, err := exec.CommandContext(t.Context(), harness.Build(t, ""), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var letterLine = regexp.MustCompile(`(?m)^(\d+) +(\S+Z) +(\w+) +(\S+) +(spans/\d+/\d+/-?\d+) +(\d+)`)

// letterAt finds a letter's offset in the list by its origin.
func letterAt(t *testing.T, list, origin string) (offset, reason string) {
	t.Helper()
	for _, m := range letterLine.FindAllStringSubmatch(list, -1) {
		if m[5] == origin {
			return m[1], m[3]
		}
	}
	t.Fatalf("no letter of %s in\n%s", origin, list)
	return "", ""
}

// testPoison: each shape is a dead letter with its
// reason, its neighbours land, and once it is mended it lands once, however
// often it is driven again.
func testPoison(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	send(t, up, newTrace("warm", 1))
	up.SQL(t, "ALTER TABLE spans ADD CONSTRAINT no_poison CHECK name != 'rejected'")
	shapes := poisons(t)
	origins := make([]string, len(shapes))
	for i, s := range shapes {
		partition := i % partitions
		write(t, up, partition, recordOf(t, "neighbour", spanOf("before", partition)))
		offset := write(t, up, partition, s.poison)
		write(t, up, partition, recordOf(t, "neighbour", spanOf("after", partition)))
		origins[i] = fmt.Sprintf("spans/%d/%d/%d", partition, offset, s.index)
	}
	awaitCount(t, up, "neighbour", 2*len(shapes))
	landed(t, up, "poison-invalid", "a", "c")
	landed(t, up, "poison-rejected")
	deadLetters(t, up, origins...)

	list := deadLetterCommand(t, up, "ls")
	distinct := make(map[string]bool) // a batch that is formed again writes its letters again
	for _, m := range letterLine.FindAllStringSubmatch(list, -1) {
		distinct[m[5]] = true
	}
	if len(distinct) != len(shapes) {
		t.Errorf("letters of %d records, want %d:\n%s", len(distinct), len(shapes), list)
	}
	up.SQL(t, "ALTER TABLE spans DROP CONSTRAINT no_poison")
	for i, s := range shapes {
		offset, reason := letterAt(t, list, origins[i])
		if reason != s.reason {
			t.Errorf("%s: reason %s, want %s", s.name, reason, s.reason)
		}
		args := []string{"redrive", "--offset", offset}
		if s.mend != nil {
			file := filepath.Join(t.TempDir(), s.name)
			if err := os.WriteFile(file, s.mend, 0o600); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--value", file)
		}
		if out := deadLetterCommand(t, up, append(args, "--dry-run")...); !strings.Contains(out, "1 would be re-driven, 0 stay") {
			t.Errorf("%s: %s", s.name, out)
		}
		for range 2 {
			if out := deadLetterCommand(t, up, args...); !strings.Contains(out, "1 re-driven, 0 stay") {
				t.Errorf("%s: %s", s.name, out)
			}
		}
	}
	fence(t, up)
	check := func() {
		t.Helper()
		for _, s := range shapes {
			landed(t, up, "poison-"+s.name, strings.Split(s.lands, ",")...)
		}
		awaitCount(t, up, "neighbour", 2*len(shapes))
		sameSQL(t, up, "SELECT sum(spans) FROM trace_parts WHERE service_name LIKE 'poison-%'", up.SQL(t, "SELECT count() FROM spans WHERE service_name LIKE 'poison-%'"))
	}
	check()
	for i, s := range shapes {
		want := strings.TrimSuffix(strings.TrimSuffix(origins[i], "-1"), "1")
		sameSQL(t, up, "SELECT groupUniqArray(startsWith(origin, '"+want+"')) FROM spans WHERE origin != '' AND service_name = 'poison-"+s.name+"'", "[1]")
	}

	// As they are, all at once: what still fails is set aside once more under
	// its first name, what landed stays as it is.
	if out := deadLetterCommand(t, up, "redrive", "--all"); !strings.Contains(out, fmt.Sprintf("%d re-driven, 1 stay", len(shapes)-1)) {
		t.Error(out)
	}
	fence(t, up)
	check()
	if up.Target[0] == "--addresses" { // the plant's program knows the command
		verify(t, up, 0, "exact")
	}
	again := deadLetterCommand(t, up, "ls", "--reason", "unknown_version")
	// A partition that is read back, as after a batch with exclusions, writes its
	// letters once more: there may be a third, of the same origin.
	if n := strings.Count(again, "unknown_version"); n < 2 || strings.Count(again, origins[9]) != n {
		t.Errorf("letters of the unknown format:\n%s", again)
	}
}

// testDeadLetterCommands: the filters, and what show makes of one.
func testDeadLetterCommands(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	send(t, up, newTrace("warm", 1))
	var origins []string
	for partition := range 2 {
		for range 3 {
			offset := write(t, up, partition, kafka.Message{Value: []byte("secret prompt"), Headers: []kafka.Header{
				{Key: "tenant", Value: fmt.Appendf(nil, "acme-%d", partition)}, {Key: "mine", Value: []byte("yes\x1b[2J")},
			}})
			origins = append(origins, fmt.Sprintf("spans/%d/%d/-1", partition, offset))
		}
	}
	invalid := write(t, up, 3, recordOf(t, "odd", spanOf("fine", 3), oddSpan("nameless", func(s *tracepb.Span) { s.SpanId = nil })))
	origins = append(origins, fmt.Sprintf("spans/3/%d/1", invalid))
	deadLetters(t, up, origins...)
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, 7},
		{[]string{"--reason", "invalid_span"}, 1},
		{[]string{"--tenant", "acme-1"}, 3},
		{[]string{"--tenant", "default"}, 1},
		{[]string{"--origin", "spans/0"}, 3},
		{[]string{"--origin", strings.TrimSuffix(origins[0], "/-1")}, 1},
		{[]string{"--origin", "events"}, 0},
		{[]string{"--since", "1h"}, 7},
		{[]string{"--until", "1h"}, 0},
		{[]string{"--tenant", "acme-0", "--limit", "2"}, 2},
		{[]string{"--offset", "0-1"}, 2},
	} {
		out := deadLetterCommand(t, up, append([]string{"ls"}, c.args...)...)
		if n := len(letterLine.FindAllString(out, -1)); n != c.want {
			t.Errorf("%v: %d letters, want %d:\n%s", c.args, n, c.want, out)
		}
		if strings.Contains(out, "secret") {
			t.Errorf("%v prints content", c.args)
		}
	}
	list := deadLetterCommand(t, up, "ls")
	offset, _ := letterAt(t, list, origins[0])
	out := deadLetterCommand(t, up, "show", offset)
	for _, want := range []string{"reason: undecodable", "origin: " + origins[0], "mine: yes?[2J", "value of 13 bytes", "|secret prompt|"} {
		if !strings.Contains(out, want) {
			t.Errorf("show: no %q in\n%s", want, out)
		}
	}
	offset, _ = letterAt(t, list, origins[6])
	out = deadLetterCommand(t, up, "show", offset)
	for _, want := range []string{"spans: 1", `"fine", service "odd"`, `"nameless", service "odd", invalid: `} {
		if !strings.Contains(out, want) {
			t.Errorf("show: no %q in\n%s", want, out)
		}
	}
	raw := deadLetterCommand(t, up, "show", "--raw", offset)
	if err := proto.Unmarshal([]byte(raw), requestOf("")); err != nil {
		t.Errorf("the raw value: %v", err)
	}
	if strings.Contains(up.Log(), "secret") {
		t.Error("content in the log")
	}
	refused := exec.CommandContext(t.Context(), harness.Build(t, ""), "dead-letters", "redrive", "--brokers", up.Kafka)
	if out, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(out), "--all") {
		t.Errorf("re-drives everything unasked: %v %s", err, out)
	}
}

// testRedriveKilled: dead letters are driven again, twice over,
// into processes that are killed with their batch begun, half landed, and
// landed.
func testRedriveKilled(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{Tags: "faults"})
	send(t, up, newTrace("warm", 1))
	up.SQL(t, "ALTER TABLE spans ADD CONSTRAINT no_poison CHECK name != 'rejected'")
	const letters = 3
	var origins []string
	for range letters {
		offset := write(t, up, 0, recordOf(t, "killed", spanOf("rejected", 0), spanOf("beside", 0)))
		origins = append(origins, fmt.Sprintf("spans/0/%d/-1", offset))
	}
	deadLetters(t, up, origins...)
	fence(t, up)
	up.SQL(t, "ALTER TABLE spans DROP CONSTRAINT no_poison")
	up.Terminate(t)
	for _, point := range []string{"after_intent", "after_table_1", "after_insert"} {
		reached := filepath.Join(t.TempDir(), "reached")
		up := harness.Start(t, p, harness.Options{
			Tags: "faults", Env: []string{"SPANMILL_FAULT=" + point, "SPANMILL_FAULT_FILE=" + reached},
		})
		deadLetterCommand(t, up, "redrive", "--reason", "store_rejected")
		deadLetterCommand(t, up, "redrive", "--reason", "store_rejected")
		harness.Eventually(t, func() error {
			_, err := os.Stat(reached)
			return err
		})
		up.Kill()
	}
	last := harness.Start(t, p, harness.Options{Tags: "faults"})
	fence(t, last)
	landed(t, last, "killed", slices.Concat(slices.Repeat([]string{"beside"}, letters), slices.Repeat([]string{"rejected"}, letters))...)
	sameSQL(t, last, "SELECT sum(spans) FROM trace_parts WHERE service_name = 'killed'", fmt.Sprint(2*letters))
	if n := recoveredIntents(t, last); n < 1 {
		t.Error("no intent was recovered: the kills missed")
	}
}
