package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// maxErrorBytes bounds what is read of an error, maxAnswerBytes of an answer
// that is held in memory.
const (
	maxErrorBytes  = 64 << 10
	maxAnswerBytes = 16 << 20
)

// client speaks ClickHouse's HTTP interface: one statement a request, its
// settings as parameters, credentials in headers and never in the URL.
type client struct {
	bases     []string
	at        atomic.Int32 // which of bases is in use
	answered  atomic.Bool  // it has, since it is in use
	moved     func(answered bool)
	user      string
	password  string
	database  string
	http      *http.Client
	transport *http.Transport
}

func newClient(cfg Config) *client {
	dialer := &net.Dialer{Timeout: cfg.DialTimeout}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: cfg.DialTimeout,
		MaxConnsPerHost:     cfg.MaxConns,
		MaxIdleConnsPerHost: cfg.MaxConns,
		// Less than the server's own keep-alive (10 s by default): a connection
		// that the server is closing must not carry an insert.
		IdleConnTimeout:    idleConn,
		DisableCompression: true, // loopback or LAN: the CPU is dearer than the bytes
		WriteBufferSize:    writeBuffer,
		TLSClientConfig:    cfg.TLS,
	}
	c := &client{
		user: cfg.User, password: cfg.Password, moved: func(bool) {},
		database: cfg.Database, transport: transport, http: &http.Client{Transport: transport},
	}
	for _, address := range cfg.addresses() {
		c.bases = append(c.bases, strings.TrimSuffix(address, "/")+"/")
	}
	return c
}

// next leaves the address that at stands for, unless somebody else has already.
// The caller's request has failed; whoever asks again asks the next one.
func (c *client) next(at int32) {
	if len(c.bases) > 1 && c.at.CompareAndSwap(at, (at+1)%int32(len(c.bases))) {
		c.moved(c.answered.Swap(false))
	}
}

// request is one statement.
type request struct {
	sql      string
	settings url.Values
	// data follows the statement, as it does in an INSERT; nil: none. A request
	// with data sends the statement in the URL.
	data io.Reader
	// anyDatabase leaves the database out: it may not exist yet.
	anyDatabase bool
	// written, if not nil, is told how many rows the statement wrote.
	written *int
}

// do runs a statement. The caller closes the answer's body.
func (c *client) do(ctx context.Context, r request) (*http.Response, error) {
	params := url.Values{}
	maps.Copy(params, r.settings)
	if !r.anyDatabase {
		params.Set("database", c.database)
	}
	body := r.data
	if body == nil {
		body = strings.NewReader(r.sql)
	} else {
		params.Set("query", r.sql)
	}
	at := c.at.Load()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.bases[at]+"?"+params.Encode(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", c.user)
	if c.password != "" {
		req.Header.Set("X-ClickHouse-Key", c.password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			c.next(at)
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the URL is pages of SQL
		}
		return nil, err
	}
	c.answered.Store(true)
	if resp.StatusCode == http.StatusOK && resp.Header.Get("X-ClickHouse-Exception-Code") == "" {
		if r.written != nil {
			*r.written = writtenRows(resp.Header)
		}
		return resp, nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	_ = resp.Body.Close() // the error below is what counts
	return nil, newServerError(resp.StatusCode, resp.Header, string(text))
}

// writtenRows reads the server's summary of a statement, which is complete once
// an INSERT is answered.
func writtenRows(header http.Header) int {
	var summary struct {
		Written int `json:"written_rows,string"`
	}
	_ = json.Unmarshal([]byte(header.Get("X-ClickHouse-Summary")), &summary) // a server without one wrote nobody knows what
	return summary.Written
}

// exec runs a statement for its effect.
func (c *client) exec(ctx context.Context, r request) error {
	_, err := c.text(ctx, r)
	return err
}

// text runs a statement and gives its answer, a small one.
func (c *client) text(ctx context.Context, r request) (string, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	if err := copyResult(&limited{&out, maxAnswerBytes}, resp); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// limited refuses more than left bytes.
type limited struct {
	w    io.Writer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, fmt.Errorf("answer exceeds %d bytes", maxAnswerBytes)
	}
	return l.w.Write(p)
}
