package store

import (
	"math"
	"strconv"
)

// Rules that turn what a client sent into what a column can hold. The values as
// sent are kept beside the clamped ones.

// sourceColumns say which log a row comes from.
type sourceColumns struct {
	log       dict
	partition fixed[int32]
	offset    fixed[int64]
}

// nanoTime is a time as DateTime64(9) holds it: up to 2262-04-11.
func nanoTime(unixNano uint64) int64 { return int64(min(unixNano, math.MaxInt64)) }

// duration is 0 when the sent times do not make one: missing or reversed.
func duration(start, end uint64) uint64 {
	if start == 0 || end < start {
		return 0
	}
	return end - start
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// Values of the status enumeration.
const (
	statusUnset int8 = iota
	statusOK
	statusError
)

// statusOf maps an OTLP status code; codes OTLP does not define are unset.
func statusOf(code int32) int8 {
	switch code {
	case 1:
		return statusOK
	case 2:
		return statusError
	}
	return statusUnset
}

// kindName names an OTLP span kind; numbers OTLP does not define stay numbers.
func kindName(kind int32) string {
	switch kind {
	case 0:
		return "UNSPECIFIED"
	case 1:
		return "INTERNAL"
	case 2:
		return "SERVER"
	case 3:
		return "CLIENT"
	case 4:
		return "PRODUCER"
	case 5:
		return "CONSUMER"
	}
	return strconv.Itoa(int(kind))
}
