package engine_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
)

func TestServesHTTPAndNative(t *testing.T) {
	at := enginetest.Start(t).Endpoint()
	want(t, at, "SELECT currentUser()", engine.User)
	want(t, at, "SELECT currentDatabase()", engine.Database)
	want(t, at, "SELECT engine FROM system.databases WHERE name = 'spanmill'", "Atomic")

	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{at.TCPAddr},
		Auth: clickhouse.Auth{Database: at.Database, Username: at.User, Password: at.Password},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var sum uint64
	if err := conn.QueryRow(t.Context(), "SELECT sum(number) FROM numbers(101)").Scan(&sum); err != nil || sum != 5050 {
		t.Errorf("native: sum %d, %v", sum, err)
	}
}

func TestOnlyTheOwnerGetsIn(t *testing.T) {
	e := enginetest.Start(t)
	at := e.Endpoint()
	const authenticationFailed, quotaExceeded, accessDenied = 516, 201, 497
	_, err := do(t, at, call{query: "SELECT 1", params: map[string]string{"password": "guess"}})
	wantCode(t, err, authenticationFailed)

	door := map[string]string{"user": "default", "password": "", "database": ""}
	for sql, code := range map[string]int{
		"SYSTEM STOP LISTEN HTTP":                         quotaExceeded,
		"SELECT count() FROM numbers(10)":                 quotaExceeded,
		"SELECT name FROM system.tables":                  quotaExceeded,
		"SELECT * FROM file('/etc/passwd', LineAsString)": accessDenied,
		"CREATE TABLE spanmill.t (n UInt8) ENGINE Memory": quotaExceeded,
	} {
		_, err := do(t, at, call{query: sql, params: door})
		wantCode(t, err, code)
	}
	for _, file := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", e.PID(), file))
		if err != nil || strings.Contains(string(b), at.Password) {
			t.Errorf("password in %s of the child (%v)", file, err)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	cfg := enginetest.Config(t, t.TempDir()+"/not & <yet> there")
	enginetest.Run(t, cfg, nil)
	for _, file := range []string{"", "/password", "/config.xml", "/users.xml"} {
		st, err := os.Stat(cfg.DataDir + file)
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q is %s: open to others", file, st.Mode())
		}
	}
}

func TestSettings(t *testing.T) {
	at := enginetest.Start(t).Endpoint()
	want(t, at, "SELECT count() FROM system.tables WHERE database = 'system' AND name LIKE '%\\_log'", "0")
	for table, values := range map[string]map[string]string{
		"settings": {"async_insert": "0", "insert_deduplicate": "1"},
		"server_settings": {
			"max_server_memory_usage": fmt.Sprint(engine.Default().MaxMemoryBytes - 128<<20),
			"background_pool_size":    "4",
		},
		"merge_tree_settings": {"fsync_after_insert": "1", "fsync_part_directory": "1", "auto_statistics_types": ""},
	} {
		for name, value := range values {
			want(t, at, fmt.Sprintf("SELECT value FROM system.%s WHERE name = '%s'", table, name), value)
		}
	}
}
