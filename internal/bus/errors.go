package bus

import (
	"errors"
	"fmt"
)

// Errors of Producer.Produce. Both are worth a retry by whoever sent the data.
var (
	// ErrBufferFull: MaxInFlightBytes are waiting for the brokers already.
	// Nothing of the call was produced.
	ErrBufferFull = errors.New("producer buffer full")
	// ErrUnavailable: the brokers did not acknowledge every record in time.
	// Some records of the call may have been written, or may yet be.
	ErrUnavailable = errors.New("kafka unavailable")
)

// Errors of CheckTopics and Inspect.
var (
	// ErrNoTopic: the topic is not there and was not to be created.
	ErrNoTopic = errors.New("there is no such topic")
	// ErrUnfit: a setting of the topic breaks a promise; only a person can tell
	// what it is there for.
	ErrUnfit = errors.New("unfit topic")
)

// TooLargeError refuses a record that no broker of ours accepts: sending it
// again cannot help.
type TooLargeError struct {
	Topic string
	// Bytes is the record's size and Limit what is allowed; 0: unknown, the
	// broker refused.
	Bytes, Limit int
}

func (e *TooLargeError) Error() string {
	if e.Bytes == 0 {
		return fmt.Sprintf("record for topic %s is larger than the broker allows", e.Topic)
	}
	return fmt.Sprintf("record for topic %s has %d bytes, at most %d allowed", e.Topic, e.Bytes, e.Limit)
}

// Permanent tells callers that may not import this package that a retry is
// of no use.
func (e *TooLargeError) Permanent() bool { return true }
