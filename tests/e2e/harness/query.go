package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
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
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		"http://"+in.ClickHouseHTTP+"/?database=spanmill", strings.NewReader(query))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-ClickHouse-User", in.ClickHouseUser)
	request.Header.Set("X-ClickHouse-Key", in.ClickHousePassword)
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

// Eventually asks check until it returns nil, for at most a minute.
func Eventually(t testing.TB, check func() error) {
	t.Helper()
	testkit.Eventually(t, waitTimeout, check)
}

// tail gives the last n lines.
func tail(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
