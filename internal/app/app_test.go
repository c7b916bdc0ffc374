package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// command runs spanmill with args and gives its exit code and output.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out bytes.Buffer
	errFile, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer errFile.Close()
	code = Main(args, &out, errFile)
	text, err := os.ReadFile(errFile.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(text)
}

func TestCheckPrintsTheResolvedConfigAndNoSecret(t *testing.T) {
	t.Setenv("SPANMILL_RETENTION_DAYS", "77")
	t.Setenv("SPANMILL_CLICKHOUSE_PASSWORD", "hunter2")
	code, out, errs := command(t, "up", "--check", "--partitions", "9", "--ports", "random")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	for _, want := range []string{"retention-days: 77\n", "partitions: 9\n", "otlp-http: 127.0.0.1:0\n", "max-rows: 30000\n", "SPANMILL_CLICKHOUSE_PASSWORD: ***\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "hunter2") {
		t.Error("the password is printed")
	}
}

func TestConfigurationsThatCannotWorkAreRefusedWithTheReason(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--partitions", "0"}, "partitions is 0"},
		{[]string{"--retention-days", "0"}, "retention is 0 days"},
		{[]string{"--otlp-http", "nowhere"}, `listen address "nowhere"`},
		{[]string{"--otlp-http", "0.0.0.0:4318"}, "--insecure-no-auth"},
		{[]string{"--kafka", "0.0.0.0:9092", "--api-keys-file", "keys.yaml"}, "--insecure-no-auth"},
		{[]string{"--max-parts", "101"}, "max parts is 101"},
		{[]string{"--deadline", "1ms"}, "insert deadline"},
		{[]string{"--dedup-spans", "0"}, "dedup spans 0"},
	} {
		code, _, errs := command(t, append([]string{"up", "--check"}, c.args...)...)
		if code == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q, want %q", c.args, code, errs, c.want)
		}
	}
}

func TestInsecureMayListenAnywhere(t *testing.T) {
	if code, _, errs := command(t, "up", "--check", "--otlp-http", "0.0.0.0:4318", "--insecure-no-auth"); code != 0 {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestAddressesRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.json")
	want := Addresses{OTLPHTTP: "127.0.0.1:1", Kafka: "127.0.0.1:2", ClickHousePassword: "p", PIDs: PIDs{Spanmill: 3, Engine: 4}}
	if err := want.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := readAddresses(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o: the password is in there", info.Mode().Perm())
	}
	if _, err := readAddresses(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "spanmill up") {
		t.Errorf("a missing file is not explained: %v", err)
	}
}

func TestDataDirectoryBelongsToOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	unlock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockDir(dir); err == nil || !strings.Contains(err.Error(), "another spanmill") {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	unlock, err = lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestKeyPrintsALineForTheKeysFile(t *testing.T) {
	code, out, _ := command(t, "key", "acme", "--name", "checkout")
	if code != 0 || !strings.Contains(out, "tenant: acme") || !strings.Contains(out, `name: "checkout"`) || !strings.Contains(out, "sha256: ") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		version string
		want    bool
	}{{"26.7.3.1", false}, {"25.8.1", false}, {"25.3", true}, {"24.12", true}, {"weird", true}} {
		if got := older(c.version, leastVersion); got != c.want {
			t.Errorf("older(%q) = %v", c.version, got)
		}
	}
}
