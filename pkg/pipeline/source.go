package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Header is one record header.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of the log. Key, Value and Headers are read-only. A
// source may use their memory again at the next Fetch; see Source.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	// Time is the record's timestamp (milliseconds): the received time.
	Time       time.Time
	Key, Value []byte
	Headers    []Header
}

// Header gives the value of the first header named key, "" if there is none.
func (r *Record) Header(key string) string {
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return string(r.Headers[i].Value)
		}
	}
	return ""
}

// Log names one partition of one life of a topic. Offsets mean something only
// together with it: a recreated topic has another ID.
type Log struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}

// topic is the id as text, "" where topics have none.
func (l Log) topic() string {
	if l.TopicID == [16]byte{} {
		return ""
	}
	return fmt.Sprintf("%x", l.TopicID)
}

// ID is the text that rows and tokens carry: topic id and incarnation.
func (l Log) ID(incarnation uint32) string {
	return fmt.Sprintf("%x/%d", l.TopicID, incarnation)
}

// Committed is what the consumer group holds for a partition.
type Committed struct {
	// Offset is the next record to read; -1: nothing was ever committed.
	Offset int64
	// Metadata is the text committed with the offset: an Intent.
	Metadata string
}

// Errors of Source.Commit. Any other error means that nothing is known.
var (
	// ErrLost: the partition is no longer ours; stop without touching it.
	ErrLost = errors.New("partition lost")
	// ErrAmbiguous: the commit may or may not have been applied, now or later.
	// The only way on is to leave the group and read back as a new member (W2).
	ErrAmbiguous = errors.New("commit outcome unknown")
	// ErrExpired: records were asked for that the log no longer has.
	ErrExpired = errors.New("log expired")
)

// TruncatedError says that the log ends before the next record to read: it lost
// its tail, and what is written next uses offsets again (W14).
type TruncatedError struct {
	End int64 // of what is left of the log that was read
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("log lost its tail from offset %d on", e.End)
}

// Source is one partition, assigned to us for a while. Its methods are called
// by the one goroutine that owns the partition.
type Source interface {
	Log() Log
	// Committed is the group's state as read when the partition was assigned.
	// When nothing was committed, Offset is -1 and Fetch begins at Start.
	Committed() Committed
	// Start is the offset of the first record Fetch returns or would return.
	Start() int64
	// Fetch waits for the next records, in offset order, without a gap other
	// than those the log itself has. On ctx's end it returns ctx.Err(); records
	// that arrive later are returned by the next call. ErrExpired: the log's
	// first record lies beyond the next one to read; *TruncatedError: its end
	// lies before. Neither may be told again by a further call. The records are
	// valid until the next Fetch, or as much longer as the source promises.
	Fetch(ctx context.Context) ([]Record, error)
	// Draining is closed when the owner should finish what it holds and return.
	Draining() <-chan struct{}
	// Commit sets the group's offset and metadata, in one attempt, fenced by
	// the lease (W1–W3). nil: applied. ErrLost, ErrAmbiguous: see there.
	Commit(ctx context.Context, offset int64, metadata string) error
	// ReadRange visits the records of [from, to) outside the Fetch stream, for
	// warming. It starts at the log start when that lies beyond from.
	ReadRange(ctx context.Context, from, to int64, visit func(*Record) error) error
	// Bounds gives the log start and the high watermark.
	Bounds(ctx context.Context) (start, end int64, err error)
}
