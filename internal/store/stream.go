package store

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// copyResult copies an answer to w. An error that the server met after it had
// begun to answer stands at the end of the body, set off by a marker with the
// answer's own tag:
//
//	\r\n__exception__\r\nTAG\r\n message \n LENGTH TAG\r\n__exception__\r\n
//
// It is held back from w and returned.
func copyResult(w io.Writer, resp *http.Response) error {
	tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
	if tag == "" {
		if _, err := io.Copy(w, resp.Body); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return nil
	}
	f := &exceptionFilter{w: w, marker: []byte("\r\n" + exceptionMark + "\r\n" + tag + "\r\n")}
	_, readErr := io.Copy(f, resp.Body)
	if f.found {
		// The body may end abruptly then; what it said is the better error.
		return parseServerError(resp.StatusCode, 0, f.message(tag))
	}
	if readErr != nil {
		return fmt.Errorf("read answer: %w", readErr)
	}
	return f.flush()
}

const exceptionMark = "__exception__"

// exceptionFilter passes bytes on until the marker. It keeps back as many
// bytes as could be the marker's beginning.
type exceptionFilter struct {
	w      io.Writer
	marker []byte
	held   []byte
	found  bool // held is the error's text from now on
}

func (f *exceptionFilter) Write(p []byte) (int, error) {
	if f.found {
		f.held = append(f.held, p[:min(len(p), maxErrorBytes-min(len(f.held), maxErrorBytes))]...)
		return len(p), nil
	}
	f.held = append(f.held, p...)
	if i := bytes.Index(f.held, f.marker); i >= 0 {
		f.found = true
		_, err := f.w.Write(f.held[:i])
		f.held = f.held[i+len(f.marker):]
		return len(p), err
	}
	safe := len(f.held) - len(f.marker) + 1
	if i := bytes.LastIndexByte(f.held, '\r'); i < 0 {
		safe = len(f.held)
	}
	if safe <= 0 {
		return len(p), nil
	}
	_, err := f.w.Write(f.held[:safe])
	f.held = append(f.held[:0], f.held[safe:]...)
	return len(p), err
}

func (f *exceptionFilter) flush() error {
	_, err := f.w.Write(f.held)
	return err
}

// message is the error's text without its frame.
func (f *exceptionFilter) message(tag string) string {
	text := string(f.held)
	if i := strings.LastIndex(text, tag); i >= 0 {
		text = strings.TrimRight(text[:i], "0123456789 \r\n")
	}
	return text
}
