package pipeline

import (
	"context"
	"time"
)

// Stage turns records into the blocks of one batch. It belongs to the one
// goroutine that owns the partition. Everything it decides about a record is a
// pure function of the log before that record and of the batch's config, so
// that a batch formed again is the same batch.
type Stage interface {
	// Config is the configuration that new batches are formed under; it
	// travels in the intent. At most 200 bytes.
	Config() string
	// Forget drops what Warm built up.
	Forget()
	// Warm shows a record from before the first batch (deduplication needs it).
	Warm(r *Record)
	// Warmed reports that older records could not change a decision any more.
	Warmed() bool
	// WarmFrom is an offset from which warming would reach today's state, -1
	// when the stage has seen nothing.
	WarmFrom() int64

	// Begin empties the blocks for a batch of the log named id (Log.ID) under
	// config, leaving out the excluded records' rows. A record that was weighed
	// and not added yet stays weighed.
	Begin(id, config string, exclude []Range) error
	// Open makes room for the batch that Begin began, before its first record is
	// added; received is that record's time. It may wait for other partitions'
	// batches to land; ctx ends the wait. An adopted batch has the zero time.
	Open(ctx context.Context, received time.Time) error
	// Weigh decodes the next record and says what Add would add. A record that
	// cannot be decoded is dead-lettered here and weighs nothing; the error is
	// not nil only if that could not be done.
	Weigh(ctx context.Context, r *Record) (Weight, error)
	// Add appends the record weighed last.
	Add() error
	// Tables lists the open batch's blocks in insert order, once its range is
	// known. Called once a batch.
	Tables(rng Range) []Table

	// Probe tries to store the records' rows in scratch tables. ErrRejected:
	// they cannot be stored. It leaves the open batch alone.
	Probe(ctx context.Context, records []Record) error
	// Reject dead-letters a record that the store rejected, durably.
	Reject(ctx context.Context, r *Record, cause error) error
}

// Attempt is one try to insert a block.
type Attempt struct {
	// Token makes the store drop the block if it already has it.
	Token string
	// Deadline is when the store must refuse the block (W9), on our clock.
	Deadline time.Time
	// Skip lists the table partitions that already have their rows.
	Skip []uint16
}

// Table is one block of the open batch and the table it goes to.
type Table interface {
	Name() string
	Rows() int
	// Parts are the distinct table partitions of the rows.
	Parts() []uint16
	// Insert stores the block as one unit per table partition. Errors are
	// classified by ErrRejected, ErrDeadline, ErrFatal; others are retried.
	Insert(ctx context.Context, a Attempt) error
	// Present asks which of Parts already hold this batch's rows (W8).
	Present(ctx context.Context) ([]uint16, error)
}

// Meter hears what the loop does. Implementations must be cheap.
type Meter interface {
	// Recovered: an open intent was adopted; state is one of the Recovered… constants.
	Recovered(state string)
	// Retried: an attempt failed and will be made again.
	Retried(err error)
	// Stored: a batch was inserted and committed.
	Stored(b Stored)
	// Lost: records of the range expired or were cut off before they were
	// committed, and a person has decided to go on. Said at least once.
	Lost(r Range)
	// IntentOpened and IntentClosed frame the time an intent is open.
	IntentOpened(at time.Time)
	IntentClosed()
}

// States in which an adopted batch was found.
const (
	RecoveredOpen     = "open"     // nothing of it was inserted
	RecoveredPartial  = "partial"  // some tables or partitions had it
	RecoveredInserted = "inserted" // all had it; only the commit was missing
)

// Stored describes a finished batch.
type Stored struct {
	Range       Range
	Rows, Bytes int
	// Waited is the age of the batch when it was cut, Took the time from the
	// cut to the final commit.
	Waited, Took time.Duration
	Attempts     int
}
