package app

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program runs one of the binaries with args and gives its exit code and output.
func program(t *testing.T, main func([]string, io.Writer, *os.File) int, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out bytes.Buffer
	errFile, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer errFile.Close()
	code = main(args, &out, errFile)
	text, err := os.ReadFile(errFile.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, out.String(), string(text)
}

func TestProcessesPrintTheirConfigAndNoSecret(t *testing.T) {
	t.Setenv("SPANMILL_BROKERS", "kafka-1:9092,kafka-2:9092")
	t.Setenv("SPANMILL_KAFKA_PASSWORD", "hunter2")
	t.Setenv("SPANMILL_CLICKHOUSE_PASSWORD", "hunter3")
	for name, tt := range map[string]struct {
		main func([]string, io.Writer, *os.File) int
		args []string
		want []string
	}{
		"ingest-gateway": {Gateway, []string{"--otlp-http", "127.0.0.1:1"}, []string{"otlp-http: 127.0.0.1:1\n"}},
		"writer": {
			Writer,
			[]string{"--clickhouse", "http://a:8123,http://b:8123", "--group", "g", "--group-protocol", "consumer"},
			[]string{"clickhouse: [http://a:8123 http://b:8123]\n", "group: g\n", "SPANMILL_CLICKHOUSE_PASSWORD: ***\n"},
		},
	} {
		code, out, errs := program(t, tt.main, append(tt.args, "--check", "--kafka-sasl", "plain", "--kafka-user", "u")...)
		if code != 0 {
			t.Errorf("%s: exit %d: %s", name, code, errs)
		}
		for _, want := range append(tt.want, "brokers: [kafka-1:9092 kafka-2:9092]\n", "SPANMILL_KAFKA_PASSWORD: ***\n") {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", name, want, out)
			}
		}
		if strings.Contains(out, "hunter") {
			t.Errorf("%s prints a password", name)
		}
	}
}

func TestProcessesRefuseWhatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		main func([]string, io.Writer, *os.File) int
		args []string
		want string
	}{
		{Gateway, []string{"--otlp-http", "0.0.0.0:4318"}, "--insecure-no-auth"},
		{Gateway, []string{"--kafka-sasl", "plain"}, "wants a user"},
		{Gateway, []string{"--kafka-ca-file", "ca.pem"}, "add --kafka-tls"},
		{Gateway, []string{"--kafka-tls", "--kafka-cert-file", "c.pem"}, "go together"},
		{Gateway, []string{"--replication", "2", "--min-insync", "3"}, "nothing could ever be acknowledged"},
		{Writer, []string{"--clickhouse", "localhost"}, "http://host:port"},
		{Writer, []string{"--group", ""}, "must be named"},
		{Writer, []string{"--group-protocol", "new"}, "classic"},
		{Writer, []string{"--log-retention", "1m"}, "log retention"},
	} {
		code, _, errs := program(t, tt.main, append([]string{"--check"}, tt.args...)...)
		if code == 0 || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: exit %d, %q, want %q", tt.args, code, errs, tt.want)
		}
	}
}

// TestSecretsAreReadAtTheStart: a file that is missing or empty ends the process
// with its name, before anything listens.
func TestSecretsAreReadAtTheStart(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--kafka-sasl", "plain", "--kafka-user", "u"}, "SPANMILL_KAFKA_PASSWORD"},
		{[]string{"--kafka-sasl", "plain", "--kafka-user", "u", "--kafka-password-file", empty}, "is empty"},
		{[]string{"--clickhouse-password-file", empty + "-not"}, "read the ClickHouse password"},
		{[]string{"--kafka-tls", "--kafka-ca-file", empty}, "holds no certificate"},
	} {
		if code, _, errs := program(t, Writer, tt.args...); code != 1 || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: exit %d, %q, want %q", tt.args, code, errs, tt.want)
		}
	}
}
