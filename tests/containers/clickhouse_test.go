package containers_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/store"
	"github.com/spanmill/spanmill/internal/store/storetest"
)

// TestClickHouseFilesServeAWriter gives the embedded engine the files that the
// compose file mounts: the writers' user may do what a writer does, and nothing
// else, with the settings that exactly-once needs. The engine has a user
// spanmill of its own, so here the writers' has another name.
func TestClickHouseFilesServeAWriter(t *testing.T) {
	t.Parallel()
	made, _ := secrets(t)
	cfg := enginetest.Config(t, t.TempDir())
	rename := strings.NewReplacer("<spanmill>", "<writer>", "</spanmill>", "</writer>")
	for from, to := range map[string]string{
		deployDir + "/clickhouse/config.d/spanmill.xml": "config.d/spanmill.xml",
		deployDir + "/clickhouse/users.d/spanmill.xml":  "users.d/spanmill.xml",
		made + "/clickhouse-user.xml":                   "users.d/spanmill-password.xml",
		deployDir + "/clickhouse/cluster/users.xml":     "users.d/cluster.xml",
	} {
		write(t, filepath.Join(cfg.DataDir, to), rename.Replace(read(t, from)))
	}
	e, _ := enginetest.Run(t, cfg, prometheus.NewRegistry())

	storeCfg := store.Default()
	storeCfg.URL, storeCfg.User = "http://"+e.Endpoint().HTTPAddr, "writer"
	storeCfg.Password = strings.TrimSpace(read(t, made+"/clickhouse-password"))
	db := store.New(storeCfg, slog.New(slog.NewTextHandler(t.Output(), nil)), prometheus.NewRegistry())
	defer db.Close()
	t.Run("store", func(t *testing.T) { storetest.Run(t, storeCfg) })

	for question, want := range map[string]string{
		"SELECT groupArray(value) FROM (SELECT value FROM system.settings WHERE name IN ('async_insert', 'insert_deduplicate', 'select_sequential_consistency', 'insert_quorum', 'insert_quorum_parallel') ORDER BY name)": "['0','1','auto','0','1']",
		"SELECT groupArray(value) FROM (SELECT value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory') ORDER BY name)":                                                          "['1','1']",
	} {
		var out bytes.Buffer
		if err := db.Query(t.Context(), question, "TSVRaw", &out); err != nil || strings.TrimSpace(out.String()) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", question, err, out.String(), want)
		}
	}
	for _, forbidden := range []string{"CREATE DATABASE other", "CREATE USER other", "SELECT * FROM url('http://127.0.0.1:1/', CSV, 'a String')", "SYSTEM SHUTDOWN"} {
		if err := db.Query(t.Context(), forbidden, "", io.Discard); store.CodeOf(err) != 497 {
			t.Errorf("%s: %v, want that access is denied", forbidden, err)
		}
	}
}

// TestFilesAreWhole: what no engine reads in a test is XML at least, and the
// statements' macros are in the example.
func TestFilesAreWhole(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(deployDir+"/clickhouse", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		for decoder := xml.NewDecoder(strings.NewReader(read(t, path))); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	example := read(t, deployDir+"/clickhouse/cluster/config.xml")
	for _, want := range []string{"<shard>01</shard>", "<replica>clickhouse-1</replica>", "<cluster>prod</cluster>", "<internal_replication>true"} {
		if !strings.Contains(example, want) {
			t.Errorf("the example has no %s", want)
		}
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
