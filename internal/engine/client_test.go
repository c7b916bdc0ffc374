package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/engine"
)

// call is one query over HTTP.
type call struct {
	query  string
	params map[string]string // settings, or user and password
	body   []byte            // data of an INSERT
}

// do runs a call as the engine's own user unless params name another.
func do(t *testing.T, at engine.Endpoint, c call) (string, error) {
	t.Helper()
	params := url.Values{"query": {c.query}, "database": {at.Database}, "user": {at.User}, "password": {at.Password}}
	for name, value := range c.params {
		params.Set(name, value)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at.HTTPAddr+"/?"+params.Encode(), bytes.NewReader(c.body))
	if err != nil {
		return "", err
	}
	req.Close = true // leaves no idle connection to the leak check
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", resp.StatusCode, body)
	}
	return strings.TrimSpace(string(body)), err
}

func query(t *testing.T, at engine.Endpoint, sql string) string {
	t.Helper()
	out, err := do(t, at, call{query: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// want fails the test unless the query gives the answer.
func want(t *testing.T, at engine.Endpoint, sql, answer string) {
	t.Helper()
	if got := query(t, at, sql); got != answer {
		t.Errorf("%s\n got %q\nwant %q", sql, got, answer)
	}
}

// wantCode fails the test unless err is ClickHouse's error of that number.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	if err == nil {
		err = errors.New("no error")
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("Code: %d.", code)) {
		t.Errorf("got %v, want ClickHouse code %d", err, code)
	}
}
