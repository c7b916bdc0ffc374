package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Limits bound a batch. A batch always takes at least one record, so a record
// that exceeds a limit alone makes a batch of its own.
type Limits struct {
	MaxRows  int `help:"Rows of one insert." default:"30000" because:"one block, well below where the server splits"`
	MaxBytes int `help:"Record bytes of one insert." default:"25165824" because:"memory of a partition; a larger record makes a batch of its own"`
	// MaxParts bounds the table partitions (days) of one insert: ClickHouse
	// refuses more than 100 (error 252, rule W12).
	MaxParts int `help:"Days that one insert may touch." default:"50" because:"ClickHouse refuses more than 100"`
	// MaxAge bounds age.
	MaxAge time.Duration `help:"Longest time a record waits for its batch to fill; half of it while batches are stored quickly." default:"2.5s" because:"freshness against the number of parts"`
}

// landShare is how many times as long as the last batch took to land the next
// one is held open.
const landShare = 20

// age is how long a batch is held open for more. An insert costs the store a
// great deal more than the rows of a small batch do: where landing takes long,
// because the store is far, busy or slow, fewer and larger batches are made, as
// long as a record waits for no more than MaxAge until its batch has landed.
func (l Limits) age(landed time.Duration) time.Duration {
	return max(min(landShare*landed, l.MaxAge-landed), l.MaxAge/2)
}

// Validate reports every limit that cannot work.
func (l Limits) Validate() error {
	var errs []error
	if l.MaxRows < 1 {
		errs = append(errs, fmt.Errorf("max rows is %d, must be at least 1", l.MaxRows))
	}
	if l.MaxBytes < 1 {
		errs = append(errs, fmt.Errorf("max bytes is %d, must be at least 1", l.MaxBytes))
	}
	if l.MaxParts < 1 || l.MaxParts > 99 {
		errs = append(errs, fmt.Errorf("max parts is %d, must be 1 to 99: ClickHouse refuses a block of more than 100 partitions", l.MaxParts))
	}
	if l.MaxAge <= 0 {
		errs = append(errs, fmt.Errorf("max age is %s, must be positive", l.MaxAge))
	}
	return errors.Join(errs...)
}

// Weight is what one record adds to a batch.
type Weight struct {
	Rows, Bytes int
	// Parts are the distinct table partitions of the record's rows.
	Parts []uint16
}

// Cutter decides where a batch ends. It is a pure function of the records
// added since Reset; age is the loop's business.
type Cutter struct {
	limits      Limits
	records     int
	rows, bytes int
	parts       []uint16 // sorted, distinct
}

// NewCutter gives an empty cutter.
func NewCutter(l Limits) *Cutter { return &Cutter{limits: l} }

// Fits reports whether a record may join the open batch. Everything fits an
// empty one.
func (c *Cutter) Fits(w Weight) bool {
	if c.records == 0 {
		return true
	}
	return c.rows+w.Rows <= c.limits.MaxRows &&
		c.bytes+w.Bytes <= c.limits.MaxBytes &&
		c.union(w.Parts) <= c.limits.MaxParts
}

// Add counts a record in.
func (c *Cutter) Add(w Weight) {
	c.records++
	c.rows += w.Rows
	c.bytes += w.Bytes
	for _, p := range w.Parts {
		if i, found := slices.BinarySearch(c.parts, p); !found {
			c.parts = slices.Insert(c.parts, i, p)
		}
	}
}

// Full reports whether the batch should be cut without waiting for more.
func (c *Cutter) Full() bool {
	return c.rows >= c.limits.MaxRows || c.bytes >= c.limits.MaxBytes
}

// Rows is the number of rows added.
func (c *Cutter) Rows() int { return c.rows }

// Bytes is the number of record bytes added.
func (c *Cutter) Bytes() int { return c.bytes }

// Reset starts a new batch.
func (c *Cutter) Reset() {
	c.records, c.rows, c.bytes, c.parts = 0, 0, 0, c.parts[:0]
}

func (c *Cutter) union(parts []uint16) int {
	n := len(c.parts)
	for _, p := range parts {
		if _, found := slices.BinarySearch(c.parts, p); !found {
			n++
		}
	}
	return n
}
