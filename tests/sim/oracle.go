package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// committed is what the group holds of a partition; offset 0 if nothing.
func (w *world) committed() map[int32]kfake.GroupCommit {
	g := w.cluster.GroupInfo(groupName)
	if g == nil {
		return nil
	}
	return g.Commits[topicSpans]
}

// openIntent reads commit metadata in the oracle's own way.
func openIntent(metadata string) (bool, error) {
	if metadata == "" {
		return false, nil
	}
	var in struct {
		Last *int64 `json:"last"`
	}
	err := json.Unmarshal([]byte(metadata), &in)
	return in.Last != nil, err
}

// unsettled says what is left to do, nil if nothing.
func (w *world) unsettled() error {
	commits := w.committed()
	for p := range int32(w.plan.Partitions) {
		end := w.cluster.PartitionInfo(topicSpans, p).HighWatermark
		c := commits[p]
		open, err := openIntent(c.Metadata)
		if err != nil {
			return err
		}
		if (c.Offset != end || open) && w.expired[w.source(p)] && w.halted(p) {
			w.hit("partition halted for its expired log")
			continue
		}
		if c.Offset != end || open {
			return fmt.Errorf("partition %d stands at %d %s of %d", p, c.Offset, c.Metadata, end)
		}
	}
	return nil
}

// halted reports whether a writer says aloud that a partition stands still.
func (w *world) halted(partition int32) bool {
	for _, p := range w.running {
		if p.labelled("spanmill_bus_partition_halted")[fmt.Sprint(partition)] > 0 {
			return true
		}
	}
	return false
}

// checkCommitted holds at any moment: a committed offset never goes back, and
// below it every span that the store can take is in both tables.
func (w *world) checkCommitted() error {
	commits := w.committed()
	w.tables.mu.Lock()
	defer w.tables.mu.Unlock()
	now := fmt.Sprint(w.topicID, len(w.tables.byName[tableSpans].rows), len(w.tables.byName[tableParts].rows), commits)
	if now == w.looked {
		return nil // nothing has changed
	}
	w.looked = now
	var errs []error
	for p, c := range commits {
		from := w.source(p)
		if c.Offset < w.reached[from] {
			errs = append(errs, fmt.Errorf("partition %d: the committed offset went back from %d to %d", p, w.reached[from], c.Offset))
		}
		w.reached[from] = c.Offset
		if !w.expired[from] {
			errs = append(errs, w.compare(from, nil))
		}
	}
	return errors.Join(errs...)
}

// compare holds both tables to the recount of a partition's records below the
// offset that is committed. The letters say which records went there; nil: not
// looked at. The caller holds the tables' mu.
func (w *world) compare(from source, letters map[string]int) error {
	inSpans := map[place][]*row{}
	for i := range w.tables.byName[tableSpans].rows {
		if r := &w.tables.byName[tableSpans].rows[i]; r.from() == from {
			at := place{r.offset, r.index}
			inSpans[at] = append(inSpans[at], r)
		}
	}
	var errs []error
	for _, v := range recount(w.ledger[from], w.plan.DedupSpans, w.plan.DedupMilli) {
		at := place{v.record.offset, v.index}
		errs = append(errs, w.judge(&v, inSpans[at], letters))
		delete(inSpans, at)
	}
	for at, rows := range inSpans {
		errs = append(errs, fmt.Errorf("spans: %d rows of span %d of record %d/%d, which was never sent", len(rows), at.index, from.partition, at.offset))
	}
	return errors.Join(errs...)
}

// place of a span in its partition.
type place struct {
	offset int64
	index  int
}

// judge looks at one span of the log and the rows that table spans has of it.
func (w *world) judge(v *verdict, rows []*row, letters map[string]int) error {
	r, got := v.record, len(rows)
	want, most := 1, 1
	if v.broken || v.resent || r.sent.Poison {
		want, most = 0, 0
	}
	if w.expired[r.source] && !v.broken || w.tables.lax && r.sent.Poison && !v.resent {
		most = 1 // the log to warm up from is gone; a block with poison came late, and was taken
	}
	if got > most {
		return fmt.Errorf("spans: span %d of record %d/%d stands there %d times, want %d", v.index, r.partition, r.offset, got, most)
	}
	for _, s := range rows {
		if s.tenant != r.sent.tenant() || s.trace != r.sent.traceID() || s.span != spanID(v.span) || s.day != r.day {
			return fmt.Errorf("spans: span %d of record %d/%d is there as %+v", v.index, r.partition, r.offset, *s)
		}
	}
	committed := w.reached[r.source]
	if r.offset < w.unread[r.source] || r.offset >= committed {
		return nil
	}
	if got < want {
		return fmt.Errorf("spans: span %d of record %d/%d is not there, and %d is committed", v.index, r.partition, r.offset, committed)
	}
	if n := w.summed(r); want == 1 && n != 1 {
		return fmt.Errorf("trace_parts: record %d/%d is in %d rows of its trace, want 1", r.partition, r.offset, n)
	}
	if letters == nil {
		return nil
	}
	return v.letter(letters, got > 0)
}

// letterName is how readLetters counts a dead letter.
func letterName(reason string, r *logged, index int) string {
	return fmt.Sprintf("%s %s/%d/%d/%d", reason, topicSpans, r.partition, r.offset, index)
}

// summed counts the trace_parts rows that a record's trace has for its offset.
func (w *world) summed(r *logged) (n int) {
	for i := range w.tables.byName[tableParts].rows {
		part := &w.tables.byName[tableParts].rows[i]
		if part.from() == r.source && part.first <= r.offset && r.offset <= part.offset &&
			part.tenant == r.sent.tenant() && [16]byte(part.trace) == r.sent.traceID() {
			n++
		}
	}
	return n
}

// letter checks that what no table can hold is a dead letter.
func (v *verdict) letter(letters map[string]int, stored bool) error {
	r, reason, index := v.record, "undecodable", -1
	switch {
	case r.sent.Garbage:
	case v.broken:
		reason, index = "invalid_span", v.index
	case r.sent.Poison && !v.resent && !stored:
		reason = "store_rejected"
	default:
		return nil
	}
	name := letterName(reason, r, index)
	if letters[name] == 0 {
		return fmt.Errorf("no dead letter %s", name)
	}
	return nil
}

// verify is the oracle at rest.
func (w *world) verify(ctx context.Context) error {
	letters, err := w.readLetters(ctx)
	if err != nil {
		return err
	}
	errs := []error{w.checkCommitted()}
	w.tables.mu.Lock()
	defer w.tables.mu.Unlock()
	for from := range w.ledger {
		if from.topicID == w.topicID {
			errs = append(errs, w.compare(from, letters))
			continue
		}
		errs = append(errs, w.compare(from, nil)) // letters do not tell the lives of a topic apart
	}
	return errors.Join(append(errs, w.checkParts(), w.checkLetters(letters))...)
}

// checkParts recounts trace_parts from spans: ranges of a partition never
// overlap, and each row counts the spans of its trace in its range.
func (w *world) checkParts() error {
	var errs []error
	parts := w.tables.byName[tableParts].rows
	for i := range parts {
		n, poison, day := 0, 0, parts[i].day
		for _, s := range w.tables.byName[tableSpans].rows {
			if s.from() == parts[i].from() && s.tenant == parts[i].tenant &&
				s.trace == parts[i].trace && parts[i].first <= s.offset && s.offset <= parts[i].offset {
				n++
				if s.poison {
					poison++ // which came late, without its row here
					continue
				}
				day = min(day, s.day)
			}
		}
		if n != parts[i].spans && n-poison != parts[i].spans {
			errs = append(errs, fmt.Errorf("trace_parts: a row of %d–%d of partition %d counts %d spans, table spans has %d",
				parts[i].first, parts[i].offset, parts[i].partition, parts[i].spans, n))
		}
		if day != parts[i].day {
			errs = append(errs, fmt.Errorf("trace_parts: a row of %d–%d of partition %d is of day %d, its first span of %d",
				parts[i].first, parts[i].offset, parts[i].partition, parts[i].day, day))
		}
		for j := range i {
			a, b := &parts[i], &parts[j]
			if a.from() == b.from() && a.first <= b.offset && b.first <= a.offset && (a.first != b.first || a.offset != b.offset) {
				errs = append(errs, fmt.Errorf("trace_parts: ranges %d–%d and %d–%d of partition %d overlap", a.first, a.offset, b.first, b.offset, a.partition))
			}
		}
	}
	return errors.Join(errs...)
}

// checkLetters: nothing that the tables hold is a dead letter, and neighbours
// of poison are unharmed.
func (w *world) checkLetters(letters map[string]int) error {
	var errs []error
	for name := range letters {
		var partition int32
		var offset int64
		var index int
		reason, origin, _ := strings.Cut(name, " ")
		if _, err := fmt.Sscanf(origin, topicSpans+"/%d/%d/%d", &partition, &offset, &index); err != nil {
			errs = append(errs, fmt.Errorf("dead letter %q: %w", name, err))
			continue
		}
		if reason == "store_rejected" && !w.tables.lax && !w.isPoison(partition, offset) {
			errs = append(errs, fmt.Errorf("dead letter %s: the store takes that record", name))
		}
	}
	return errors.Join(errs...)
}

// isPoison reports whether the record is poison in any life of the topic.
func (w *world) isPoison(partition int32, offset int64) bool {
	for from, records := range w.ledger {
		if from.partition == partition && slices.ContainsFunc(records, func(r logged) bool { return r.offset == offset && r.sent.Poison }) {
			return true
		}
	}
	return false
}

// readLetters reads the dead letters as anybody may, and counts them by reason
// and origin.
func (w *world) readLetters(ctx context.Context) (map[string]int, error) {
	letters := map[string]int{}
	end := w.cluster.PartitionInfo(topicLetters, 0).HighWatermark
	if end == 0 {
		return letters, nil
	}
	w.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topicLetters: {0: kgo.NewOffset().AtStart()}})
	for next := int64(0); next < end; {
		fetches := w.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			headers := map[string]string{}
			for _, h := range r.Headers {
				headers[h.Key] = string(h.Value)
			}
			letters[headers["reason"]+" "+headers["origin"]]++
		})
	}
	return letters, nil
}
