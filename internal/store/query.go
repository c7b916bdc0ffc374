package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spanmill/spanmill/internal/query"
)

// Bounds of one statement that somebody outside asked for, so that no question
// can take the server from the writer.
const (
	queryTimeout     = 30 * time.Second
	queryMemory      = 1 << 30   // bytes the server may use for it
	queryResultBytes = 256 << 20 // beyond it the answer is an error
)

// question is a statement with parameters: values never become a part of its
// text.
type question struct {
	sql    strings.Builder
	params url.Values
	// maxBytes is the most that the server may read for it; 0: as much as time
	// allows.
	maxBytes uint64
}

// add appends statement text.
func (q *question) add(sql ...string) {
	for _, s := range sql {
		q.sql.WriteString(s)
	}
}

// text, texts and integer give the placeholder of a new parameter.
func (q *question) text(v string) string { return q.param("String", escapeParam(v)) }

func (q *question) texts(v []string) string {
	return q.param("Array(String)", escapeParam("["+strings.Join(quoteAll(v), ",")+"]"))
}

func (q *question) integers(v []int64) string {
	text := make([]string, len(v))
	for i, n := range v {
		text[i] = strconv.FormatInt(n, 10)
	}
	return q.param("Array(Int64)", "["+strings.Join(text, ",")+"]")
}

func (q *question) integer(v int64) string { return q.param("Int64", strconv.FormatInt(v, 10)) }

func (q *question) unsigned(v uint64) string { return q.param("UInt64", strconv.FormatUint(v, 10)) }

func (q *question) double(v float64) string {
	return q.param("Float64", strconv.FormatFloat(v, 'g', -1, 64))
}

func (q *question) param(kind, value string) string {
	if q.params == nil {
		q.params = url.Values{}
	}
	name := "p" + strconv.Itoa(len(q.params))
	q.params.Set("param_"+name, value)
	return "{" + name + ":" + kind + "}"
}

// escapeParam writes a value as the server reads parameters: as a field of TSV.
var paramEscaper = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)

func escapeParam(v string) string { return paramEscaper.Replace(v) }

// read runs a question and reads its rows.
func (s *Store) read(ctx context.Context, what string, q *question, row func(*rows)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, queryTimeout+s.cfg.DialTimeout, errAskTimeout)
	defer cancel()
	q.add(" FORMAT RowBinary")
	set := settings()
	set.Set("max_execution_time", strconv.Itoa(int(queryTimeout/time.Second)))
	set.Set("max_memory_usage", strconv.Itoa(queryMemory))
	set.Set("max_result_bytes", strconv.Itoa(queryResultBytes))
	for _, name := range []string{"compile_expressions", "compile_aggregate_expressions", "compile_sort_description"} {
		set.Set(name, "0") // the statements differ from call to call: compiling one costs more than running it
	}
	if q.maxBytes > 0 {
		set.Set("max_bytes_to_read", strconv.FormatUint(q.maxBytes, 10))
	}
	maps.Copy(set, q.params)
	resp, err := s.client.do(ctx, request{sql: q.sql.String(), settings: set})
	if err == nil {
		defer resp.Body.Close()
		err = readRows(resp.Body, func(w io.Writer) error { return copyResult(w, resp) }, row)
	}
	switch {
	case err == nil:
		return nil
	case CodeOf(err) == codeTooLarge:
		return fmt.Errorf("ask for %s: %w", what, errTooMuch)
	case q.maxBytes > 0 && (CodeOf(err) == codeTooManyBytes || CodeOf(err) == codeTimeout):
		return &query.InvalidError{Message: "Invalid clause(s) in filter string: there are too many spans to look through the text of all: " +
			"add a clause on timestamp_ms, such as timestamp_ms > 1790000000000"}
	case CodeOf(err) == codeRegexp:
		return &query.InvalidError{Message: "Invalid clause(s) in filter string: a regular expression cannot be compiled"}
	}
	return fmt.Errorf("ask for %s: %w", what, err)
}

// errTooMuch is an answer beyond its bounds: whoever asks for fewer traces at
// once may get one.
var errTooMuch = errors.New("the answer is too large")

// readRows runs the copier of an answer beside its reader, so that an error at
// the answer's end is seen as one.
func readRows(body io.Closer, copied func(io.Writer) error, row func(*rows)) error {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(copied(pw))
	}()
	r := newRows(pr)
	for r.next() {
		row(r)
	}
	pr.CloseWithError(errStopped)
	body.Close()
	<-done
	return r.err
}

var errStopped = errors.New("the reader stopped")
