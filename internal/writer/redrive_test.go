package writer

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// again is the record of trace 1 and the given spans, driven again: it first
// was at offset origin of partition 0.
func again(t *testing.T, offset, origin int64, headers string, ids ...byte) *pipeline.Record {
	t.Helper()
	r := record(offset, request(t, ids...),
		pipeline.Header{Key: schema.HeaderOrigin, Value: fmt.Appendf(nil, "spans/0/%d/-1", origin)},
		pipeline.Header{Key: schema.HeaderReceived, Value: strconv.AppendInt(nil, received.Add(-time.Hour).UnixMilli(), 10)})
	if headers != "" {
		r.Headers = append(r.Headers, pipeline.Header{Key: schema.HeaderSpans, Value: []byte(headers)})
	}
	return r
}

func wantRows(t *testing.T, s *stage, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, spanRows(s)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// land puts the open batch's rows of trace 1 into the table that the world
// answers from.
func (w *fakeWorld) land(s *stage) {
	for kept := range s.lives.kept {
		w.table = append(w.table, fakeRow{kept.SpanLife, kept.offset, s.lives.from})
	}
}

func TestTwoDeadLettersOfOneOriginLandOnce(t *testing.T) {
	s, _ := testStage(t)
	weights := feed(t, s, again(t, 20, 3, "", 1, 2), record(21, request(t, 7)), again(t, 22, 3, "", 1, 2))
	wantRows(t, s, "default/0/b 0@20 of spans/0/3/0", "default/0/c 1@20 of spans/0/3/1", "default/0/h 0@21")
	if weights[2].Rows != 0 {
		t.Errorf("the second weighs %d rows", weights[2].Rows)
	}
}

func TestDeadLetterOfAnEarlierBatchDoesNotLandAgain(t *testing.T) {
	s, world := testStage(t)
	feed(t, s, again(t, 20, 3, "", 1))
	world.land(s)
	begin(t, s)
	feed(t, s, again(t, 21, 3, "", 1, 2))
	wantRows(t, s, "default/0/c 1@21 of spans/0/3/1")
}

// TestBatchWithRedrivenRecordsIsFormedAgainAsItWas: its own rows are in the
// table by then, all or some.
func TestBatchWithRedrivenRecordsIsFormedAgainAsItWas(t *testing.T) {
	batch := func(s *stage) []string {
		feed(t, s, record(20, request(t, 9)), again(t, 21, 3, "", 1), again(t, 22, 3, "", 1, 2), again(t, 23, 4, "", 5))
		return spanRows(s)
	}
	s, world := testStage(t)
	feed(t, s, again(t, 19, 4, "", 5))
	world.land(s)
	begin(t, s)
	first := batch(s)
	world.land(s)
	next := ownerOf(world, testConfig)
	begin(t, next)
	if diff := cmp.Diff(first, batch(next)); diff != "" {
		t.Errorf("formed again (-first +again):\n%s", diff)
	}
	if len(first) != 3 {
		t.Errorf("rows %v", first)
	}
}

// TestRecordThatDidNotFitIsDecidedByTheBatchBefore: it was weighed while that
// batch was open.
func TestRecordThatDidNotFitIsDecidedByTheBatchBefore(t *testing.T) {
	s, world := testStage(t)
	feed(t, s, again(t, 20, 3, "", 1))
	second := again(t, 21, 3, "", 1, 2)
	if _, err := s.Weigh(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	world.land(s)
	begin(t, s)
	if err := s.Add(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, s, "default/0/c 1@21 of spans/0/3/1")
	feed(t, s, again(t, 22, 3, "", 2))
	wantRows(t, s, "default/0/c 1@21 of spans/0/3/1", "default/0/c 0@22 of spans/0/3/0") // another index: another span
	if s.lives.from != 21 {
		t.Errorf("the batch begins at %d", s.lives.from)
	}
}

// TestSpanThatLandedInItsFirstLife: the letter was durable, but the exclusion
// was not, and the table took the record the next time.
func TestSpanThatLandedInItsFirstLife(t *testing.T) {
	s, world := testStage(t)
	world.table = []fakeRow{{SpanLife{schema.TraceID{1}, schema.SpanID{1}, 0}, 3, 3}}
	feed(t, s, again(t, 20, 3, "", 1, 2))
	wantRows(t, s, "default/0/c 1@20 of spans/0/3/1")
}

func TestRedrivenSpanBypassesRuleDAndIsSeen(t *testing.T) {
	s, _ := testStage(t)
	feed(t, s, record(3, request(t, 1)))
	feed(t, s, again(t, 20, 2, "", 1))
	wantRows(t, s, "default/0/b 0@3", "default/0/b 0@20 of spans/0/2/0")
	feed(t, s, again(t, 21, 4, "", 2), record(22, request(t, 2)))
	wantRows(t, s, "default/0/b 0@3", "default/0/b 0@20 of spans/0/2/0", "default/0/c 0@21 of spans/0/4/0")
}

func TestRedrivenRecordIsAboutTheSpansItNames(t *testing.T) {
	s, _ := testStage(t)
	feed(t, s, again(t, 20, 3, "0,2-3", 1, 2, 3, 4, 5))
	wantRows(t, s, "default/0/b 0@20 of spans/0/3/0", "default/0/d 2@20 of spans/0/3/2", "default/0/e 3@20 of spans/0/3/3")
}

// TestStrangersOriginIsNoOrigin: only the partition of the origin can tell what
// it has.
func TestStrangersOriginIsNoOrigin(t *testing.T) {
	s, world := testStage(t)
	for i, text := range []string{"eu-west", "spans/1/3/-1", "events/0/3/-1"} {
		feed(t, s, record(int64(20+i), request(t, 1), pipeline.Header{Key: schema.HeaderOrigin, Value: []byte(text)}))
	}
	wantRows(t, s, "default/0/b 0@20")
	if len(world.asked) > 0 {
		t.Errorf("the table was asked %v", world.asked)
	}
}

func TestRedrivenRecordThatFailsAgainKeepsItsName(t *testing.T) {
	s, world := testStage(t)
	r := again(t, 20, 3, "1", 0, 0, 2)
	feed(t, s, r)
	r.Value = []byte{0xff}
	feed(t, s, r)
	r.Value, r.Headers = request(t, 1, 2), append(r.Headers, pipeline.Header{Key: schema.HeaderVersion, Value: []byte("9")})
	feed(t, s, r)
	for i, reason := range []string{ReasonInvalidSpan, ReasonUndecodable, ReasonVersion} {
		l := &world.letters[i]
		if l.Header(schema.HeaderReason) != reason || l.Header(schema.HeaderOrigin) != "spans/0/3/-1" ||
			l.Header(schema.HeaderSpans) != "1" || l.Header(schema.HeaderReceived) != strconv.FormatInt(received.Add(-time.Hour).UnixMilli(), 10) {
			t.Errorf("letter %d: %s", i, l.Headers)
		}
	}
	if len(world.letters) != 3 || len(spanRows(s)) != 0 {
		t.Errorf("%d letters, rows %v", len(world.letters), spanRows(s))
	}
}

// TestRejectedRecordStandsForWhatWasToBeStored: neither resends nor invalid
// spans, which have a letter of their own.
func TestRejectedRecordStandsForWhatWasToBeStored(t *testing.T) {
	s, world := testStage(t)
	r := record(4, request(t, 1, 2, 0, 3))
	feed(t, s, record(3, request(t, 1)), r, record(5, request(t, 1, 2)))
	if err := s.Reject(t.Context(), r, errors.New("no")); err != nil {
		t.Fatal(err)
	}
	l := &world.letters[len(world.letters)-1]
	if l.Header(schema.HeaderReason) != ReasonRejected || l.Header(schema.HeaderSpans) != "1,3" || l.Header(schema.HeaderOrigin) != "spans/0/4/-1" {
		t.Errorf("letter: %s", l.Headers)
	}
	n := len(world.letters)
	if err := s.Reject(t.Context(), record(5, request(t, 1, 2)), errors.New("no")); err != nil || len(world.letters) != n {
		t.Errorf("a record of resends only: %v, %d letters", err, len(world.letters)-n)
	}
}

func TestRedrivenIsTheRecordAsItCame(t *testing.T) {
	s, world := testStage(t)
	r := record(7, []byte{0xff}, pipeline.Header{Key: "mine", Value: []byte("yes")}, pipeline.Header{Key: schema.HeaderTenant, Value: []byte("acme")},
		pipeline.Header{Key: schema.HeaderReason, Value: []byte("a stranger's")})
	feed(t, s, r)
	got, err := Redriven(&world.letters[0])
	if err != nil {
		t.Fatal(err)
	}
	want := pipeline.Record{Topic: schema.TopicSpans, Value: r.Value, Headers: []pipeline.Header{
		{Key: schema.HeaderReason, Value: []byte(ReasonUndecodable)},
		{Key: schema.HeaderOrigin, Value: []byte("spans/0/7/-1")},
		{Key: schema.HeaderReceived, Value: strconv.AppendInt(nil, received.UnixMilli(), 10)},
		{Key: "mine", Value: []byte("yes")},
		{Key: schema.HeaderTenant, Value: []byte("acme")},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, headers := range map[string][]pipeline.Header{
		"no origin":   {},
		"other topic": {{Key: schema.HeaderOrigin, Value: []byte("experiments/0/7/-1")}},
		"no value":    {{Key: schema.HeaderOrigin, Value: []byte("spans/0/7/-1")}, {Key: schema.HeaderOmitted, Value: []byte("value")}},
	} {
		if r, err := Redriven(&pipeline.Record{Headers: headers}); err == nil {
			t.Errorf("%s: re-driven as %v", name, r)
		}
	}
}

func TestEmptyAndUnknownFormatAreDeadLetters(t *testing.T) {
	s, world := testStage(t)
	feed(t, s, record(1, nil), record(2, request(t, 1), pipeline.Header{Key: schema.HeaderVersion, Value: []byte("2")}),
		record(3, request(t, 1), pipeline.Header{Key: schema.HeaderVersion, Value: []byte(schema.SpansVersion)}))
	wantRows(t, s, "default/0/b 0@3")
	var reasons []string
	for i := range world.letters {
		reasons = append(reasons, world.letters[i].Header(schema.HeaderReason))
	}
	if diff := cmp.Diff([]string{ReasonEmpty, ReasonVersion}, reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
