package store

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/pipeline"
)

// ServerError is what ClickHouse answered instead of a result. It is one of
// pipeline.ErrRejected, ErrDeadline and ErrFatal where its code says so, and
// otherwise worth another try.
type ServerError struct {
	Code    int // ClickHouse's error code, 0 if it gave none
	Status  int // of HTTP
	Message string
}

func (e *ServerError) Error() string {
	if e.Code == 0 {
		return fmt.Sprintf("clickhouse: HTTP %d: %s", e.Status, e.Message)
	}
	return fmt.Sprintf("clickhouse: code %d: %s", e.Code, e.Message)
}

// Is tells the class of the error.
func (e *ServerError) Is(class error) bool { return class != nil && class == e.class() }

// Codes of ClickHouse that decide what happens to a batch (W11).
const (
	codeSyntax            = 62
	codeTimeout           = 159
	codeTooManyBytes      = 307 // more than max_bytes_to_read
	codeTooManyParts      = 252 // and, by its message, too many partitions in a block
	codeTooLarge          = 396 // an answer beyond max_result_bytes
	codeRegexp            = 427
	codeConstraint        = 469
	tooManyPartitionsText = "Too many partitions for single INSERT block"
	// deadlineText names the constraint that checks insert_by.
	deadlineText = "Constraint `in_time` for table"
)

// class sorts the error. Only codes that blame the values themselves reject
// data. Everything not listed is retried for ever: time-outs (159, 160, 209),
// concurrency and memory limits (202, 241, 439), read-only and Keeper (242,
// 999), unknown insert status (319), too many parts (252), a full disk (243),
// a user or a table not there yet while the server starts (516, 60, 81), and
// whatever is yet to be seen. A wrong retry costs lag; a wrong rejection rows.
func (e *ServerError) class() error {
	switch e.Code {
	case codeConstraint:
		if strings.Contains(e.Message, deadlineText) {
			return pipeline.ErrDeadline
		}
		return pipeline.ErrRejected
	case codeSyntax:
		return pipeline.ErrFatal
	case codeTooManyParts:
		if strings.Contains(e.Message, tooManyPartitionsText) {
			return pipeline.ErrFatal // the cutter's bound is broken: our own bug
		}
		return nil
	case 6, 26, 27, 38, 41, 72, 467, // CANNOT_PARSE_…: text, quoted string, input, date, time, number, bool
		53, 69, 70, // TYPE_MISMATCH, ARGUMENT_OUT_OF_BOUND, CANNOT_CONVERT_TYPE
		117,      // INCORRECT_DATA
		128, 131, // TOO_LARGE_ARRAY_SIZE, TOO_LARGE_STRING_SIZE
		190, // SIZES_OF_ARRAYS_DONT_MATCH
		321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
		349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
		407: // DECIMAL_OVERFLOW
		return pipeline.ErrRejected
	}
	return nil
}

// newServerError reads an answer that is not a result.
func newServerError(status int, header http.Header, text string) *ServerError {
	code, _ := strconv.Atoi(header.Get("X-ClickHouse-Exception-Code"))
	return parseServerError(status, code, text)
}

// parseServerError tidies "Code: N. DB::Exception: what happened. (NAME)
// (version …)". The version says nothing about the error.
func parseServerError(status, code int, text string) *ServerError {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "Code: "); ok {
		number, message, _ := strings.Cut(rest, ". ")
		if n, err := strconv.Atoi(number); err == nil {
			code, text = n, message
		}
	}
	text = strings.TrimPrefix(text, "DB::Exception: ")
	if i := strings.LastIndex(text, " (version "); i >= 0 {
		text = text[:i]
	}
	// A violated constraint quotes the row: prompts do not belong into logs (P8).
	text, _, _ = strings.Cut(text, " Column values: ")
	if text == "" {
		text = http.StatusText(status)
	}
	return &ServerError{Code: code, Status: status, Message: text}
}

// CodeOf is the ClickHouse code of err, 0 if it has none.
func CodeOf(err error) int {
	if e, ok := errors.AsType[*ServerError](err); ok {
		return e.Code
	}
	return 0
}
