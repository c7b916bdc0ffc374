package pipeline

import "errors"

// Classes of a table's insert errors. Whatever is none of them is retried for
// ever: a store that is away or slow only grows the lag.
var (
	// ErrRejected: the store says that the data themselves cannot be stored.
	// The batch is bisected and the record at fault dead-lettered (W11).
	ErrRejected = errors.New("data rejected by the store")
	// ErrDeadline: the store refused the block because its deadline passed (W9).
	// The batch is adopted again: intent, check, insert what is missing.
	ErrDeadline = errors.New("insert deadline passed")
	// ErrFatal: going on would break a promise or repeat a bug of ours. The
	// partition halts until a person has looked.
	ErrFatal = errors.New("partition halted")
	// ErrRejoin: the state of the partition has to be read back from the group:
	// leave and join as a new member.
	ErrRejoin = errors.New("partition must be read back")
)
