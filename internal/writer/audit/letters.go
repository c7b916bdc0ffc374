package audit

import (
	"context"
	"fmt"
	"slices"

	"github.com/spanmill/spanmill/internal/writer"
	"github.com/spanmill/spanmill/pkg/pipeline"
	"github.com/spanmill/spanmill/pkg/schema"
)

// maxLetters bounds the dead letters that are kept in memory, by origin.
const maxLetters = 2_000_000

// Letters are the dead letters there are, by the record they came from.
type Letters struct {
	topic string // whose records are meant
	// Trimmed: older dead letters are gone, so that one may have been written
	// and not be here.
	Trimmed bool
	reasons map[int32]map[int64]reasons
	count   int
	refused map[int32][]int64 // offsets of what the store rejected, sorted
}

// AllLetters are the dead letters of several topics.
type AllLetters []*Letters

// Of are those of a topic's records.
func (a AllLetters) Of(topic string) *Letters {
	for _, l := range a {
		if l.topic == topic {
			return l
		}
	}
	return NewLetters(topic)
}

// Read adds one partition of the dead letters, from start up to end.
func (a AllLetters) Read(ctx context.Context, log Log, of pipeline.Log, start, end int64) error {
	for _, l := range a {
		l.Trimmed = l.Trimmed || start > 0
	}
	return log.Read(ctx, of, start, end, func(r *pipeline.Record) error {
		for _, l := range a {
			if err := l.Add(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// reasons is a set of writer.Reason….
type reasons uint8

func reasonBit(reason string) reasons {
	switch reason {
	case writer.ReasonUndecodable:
		return 1
	case writer.ReasonInvalidSpan:
		return 2
	case writer.ReasonRejected:
		return 4
	case writer.ReasonEmpty:
		return 8
	case writer.ReasonVersion:
		return 16
	case writer.ReasonInvalidEvent:
		return 32
	}
	return 64
}

// NewLetters is an empty list of dead letters of a topic's records.
func NewLetters(topic string) *Letters {
	return &Letters{topic: topic, reasons: make(map[int32]map[int64]reasons), refused: make(map[int32][]int64)}
}

// Add takes note of one dead letter. Records that are none are ignored: anybody
// may write to the topic.
func (l *Letters) Add(r *pipeline.Record) error {
	origin, err := schema.ParseOrigin(r.Header(schema.HeaderOrigin))
	if err != nil || origin.Topic != l.topic {
		return nil //nolint:nilerr // a stranger's
	}
	of := l.reasons[origin.Partition]
	if of == nil {
		of = make(map[int64]reasons)
		l.reasons[origin.Partition] = of
	}
	if _, known := of[origin.Offset]; !known {
		if l.count++; l.count > maxLetters {
			return fmt.Errorf("more than %d records have dead letters: too many to hold in memory", maxLetters)
		}
	}
	why := reasonBit(r.Header(schema.HeaderReason))
	of[origin.Offset] |= why
	if why == reasonBit(writer.ReasonRejected) {
		refused := l.refused[origin.Partition]
		if i, found := slices.BinarySearch(refused, origin.Offset); !found {
			l.refused[origin.Partition] = slices.Insert(refused, i, origin.Offset)
		}
	}
	return nil
}

// has reports whether a record has a dead letter for that reason.
func (l *Letters) has(partition int32, offset int64, reason string) bool {
	return l.reasons[partition][offset]&reasonBit(reason) != 0
}

// rejected lists the records of a range that the store rejected.
func (l *Letters) rejected(partition int32, in pipeline.Range) (out []pipeline.Range) {
	refused := l.refused[partition]
	i, _ := slices.BinarySearch(refused, in.First)
	for ; i < len(refused) && refused[i] <= in.Last; i++ {
		out = append(out, pipeline.Range{First: refused[i], Last: refused[i]})
	}
	return out
}
