package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// SQL runs a query over ClickHouse's own HTTP interface, as any tool would,
// and gives the answer without its last newline. A query that fails ends the
// test.
func (in *Instance) SQL(t testing.TB, query string) string {
	t.Helper()
	answer, err := in.TrySQL(t, query)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TrySQL is SQL for moments at which the engine may be away.
func (in *Instance) TrySQL(t testing.TB, query string) (string, error) {
	t.Helper()
	return in.Query(t.Context(), query)
}

// Query is TrySQL with a context of one's own, such as in a Cleanup.
func (a *Addresses) Query(ctx context.Context, query string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+a.ClickHouseHTTP+"/?database=spanmill", strings.NewReader(query))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-ClickHouse-User", a.ClickHouseUser)
	request.Header.Set("X-ClickHouse-Key", a.ClickHousePassword)
	request.Close = true // no idle connection outlives the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("query %q: %w", query, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("query %q: %w", query, err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("query %q: %s: %s", query, response.Status, body)
	}
	return strings.TrimSuffix(string(body), "\n"), nil
}

// Rows runs a SELECT and gives each row as column name → value: strings, and
// json.Number where ClickHouse answers numbers.
func (in *Instance) Rows(t testing.TB, query string) ([]map[string]any, error) {
	t.Helper()
	answer, err := in.TrySQL(t, query+" FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers=0")
	if err != nil || answer == "" {
		return nil, err
	}
	var rows []map[string]any
	decoder := json.NewDecoder(strings.NewReader(answer))
	decoder.UseNumber()
	for decoder.More() {
		var row map[string]any
		if err := decoder.Decode(&row); err != nil {
			return nil, fmt.Errorf("query %q: %w", query, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
