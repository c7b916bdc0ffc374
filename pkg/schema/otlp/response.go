package otlp

import (
	"encoding/binary"
	"strconv"
)

// Signal is one of OTLP's services. Their answers are the same bytes in
// protobuf and differ by a field name in JSON.
type Signal uint8

// The signals that the gateway answers.
const (
	Traces Signal = iota
	Metrics
	Logs
)

// AppendResponse appends an Export…ServiceResponse of any signal: empty for
// full success, with a partial_success when something was rejected or there is
// something to say.
func AppendResponse(dst []byte, rejected int64, message string) []byte {
	if rejected == 0 && message == "" {
		return dst
	}
	var b [2 * binary.MaxVarintLen64]byte
	partial := appendNumber(b[:0], 1, uint64(rejected))
	text := appendText(nil, 2, message)
	dst = append(dst, 1<<3|wireLen)
	dst = binary.AppendUvarint(dst, uint64(len(partial)+len(text)))
	return append(append(dst, partial...), text...)
}

// AppendResponseJSON appends the same response as OTLP/JSON.
func AppendResponseJSON(dst []byte, signal Signal, rejected int64, message string) []byte {
	if rejected == 0 && message == "" {
		return append(dst, "{}"...)
	}
	dst = append(dst, `{"partialSuccess":{`...)
	if rejected != 0 {
		switch signal {
		case Metrics:
			dst = append(dst, `"rejectedDataPoints":"`...)
		case Logs:
			dst = append(dst, `"rejectedLogRecords":"`...)
		default:
			dst = append(dst, `"rejectedSpans":"`...)
		}
		dst = strconv.AppendInt(dst, rejected, 10)
		dst = append(dst, '"')
		if message != "" {
			dst = append(dst, ',')
		}
	}
	if message != "" {
		dst = append(dst, `"errorMessage":`...)
		dst = appendString(dst, message)
	}
	return append(dst, "}}"...)
}

// AppendStatus appends a google.rpc.Status, the body of OTLP/HTTP errors. code
// is a gRPC code.
func AppendStatus(dst []byte, code int32, message string) []byte {
	dst = appendNumber(dst, 1, uint64(code))
	return appendText(dst, 2, message)
}

// AppendStatusJSON appends the same status as JSON.
func AppendStatusJSON(dst []byte, code int32, message string) []byte {
	dst = append(dst, `{"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, message)
	return append(dst, '}')
}

// appendNumber appends a varint field, unless it is 0.
func appendNumber(dst []byte, num int, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return binary.AppendUvarint(append(dst, byte(num<<3)|wireVarint), v)
}

// appendText appends a string field, unless it is empty. Protobuf demands
// valid UTF-8 of it.
func appendText(dst []byte, num int, s string) []byte {
	if s == "" {
		return dst
	}
	valid := appendValid(nil, s)
	dst = binary.AppendUvarint(append(dst, byte(num<<3)|wireLen), uint64(len(valid)))
	return append(dst, valid...)
}
