package oracle

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ClickHouse asks a server over HTTP. It is Rows.
type ClickHouse struct {
	URL            string // http://host:port
	User, Password string
	Client         *http.Client // nil: http.DefaultClient
}

var _ Rows = (*ClickHouse)(nil)

// Query implements Rows. A query that breaks off after its first row leaves a
// body that ends in an error.
func (c *ClickHouse) Query(ctx context.Context, sql string) (io.ReadCloser, error) {
	params := url.Values{"default_format": {"RowBinary"}, "output_format_parallel_formatting": {"0"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/?"+params.Encode(), strings.NewReader(sql))
	if err != nil {
		return nil, fmt.Errorf("query clickhouse: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", c.User)
	req.Header.Set("X-ClickHouse-Key", c.Password)
	req.Header.Set("Accept-Encoding", "identity") // compressing costs more than all else here
	client := c.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("query clickhouse: %w", err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-ClickHouse-Exception-Code") != "" {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 2000)) // the status is the error
		return nil, fmt.Errorf("query clickhouse: %s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return resp.Body, nil
}
