package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// newKey makes a key with the product's own command and gives it with the entry
// that admits it.
func newKey(t *testing.T, tenant, rights string) (key, entry string) {
	t.Helper()
	out := command(t, harness.Build(t, ""), "key", tenant)
	_, after, _ := strings.Cut(out, "key, shown only now: ")
	key, after, _ = strings.Cut(after, "\n")
	_, entry, _ = strings.Cut(after, "keys file:\n")
	return key, strings.Replace(entry, "[write, read]", "["+rights+"]", 1) + "\n"
}

// testHostileKeys: without a key nothing is taken, with one it goes to that
// key's tenant whatever else the request says.
func testHostileKeys(t *testing.T, p harness.Plant) {
	acme, acmeEntry := newKey(t, "acme", "write")
	beta, betaEntry := newKey(t, "beta", "write, read")
	reader, readerEntry := newKey(t, "acme", "read")
	path := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(path, []byte(acmeEntry+betaEntry+readerEntry), 0o600); err != nil {
		t.Fatal(err)
	}
	up := harness.Start(t, p, harness.Options{Env: []string{"SPANMILL_API_KEYS_FILE=" + path, "SPANMILL_OTLP_HTTP=0.0.0.0:0", "SPANMILL_OTLP_GRPC=[::]:0"}})
	refused := func(message string) doorAnswer {
		return doorAnswer{HTTP: http.StatusUnauthorized, Code: codes.Unauthenticated, Message: message}
	}
	none := "an API key is required: send the header 'Authorization: Bearer <key>' or 'x-api-key: <key>'"
	for i, d := range doors() {
		name := fmt.Sprint(i)
		export := func(tenant string, headers ...string) doorAnswer {
			return d.export(t, up, requestOf("keys-"+tenant, oddSpan(name, nil)), headers...)
		}
		sameAnswer(t, export("refused"), d.at(refused(none)))
		sameAnswer(t, export("refused", "Authorization", "Bearer sm_guess"), d.at(refused("the API key is not known here")))
		sameAnswer(t, export("refused", "x-api-key", reader), d.at(doorAnswer{
			HTTP: http.StatusForbidden, Code: codes.PermissionDenied, Message: "the API key may read only: use one with the right 'write'",
		}))
		sameAnswer(t, export("acme", "Authorization", "Bearer "+acme, "tenant", "beta"), d.ok())
		sameAnswer(t, export("beta", "x-api-key", beta, "X-Scope-OrgID", "acme"), d.ok())
	}
	// The same ids from two tenants are two spans, not a resend.
	same := requestOf("keys-same", oddSpan("same", nil))
	for _, key := range []string{acme, beta, acme} {
		sameAnswer(t, doors()[0].export(t, up, same, "x-api-key", key), doors()[0].ok())
	}
	harness.Eventually(t, func() error {
		got, want := up.SQL(t, "SELECT tenant, service_name, count() FROM spans GROUP BY ALL ORDER BY ALL"),
			"acme\tkeys-acme\t3\nacme\tkeys-same\t1\nbeta\tkeys-beta\t3\nbeta\tkeys-same\t1"
		if got != want {
			return fmt.Errorf("rows by tenant:\n%s\nwant\n%s", got, want)
		}
		return nil
	})
	for _, secret := range []string{acme, beta, reader, "sm_guess"} {
		if strings.Contains(up.Log(), secret) {
			t.Error("a key is in the log")
		}
	}
}

// TestHostileBinds: each listener of `up` that knows no keys is refused beyond
// this machine.
func TestHostileBinds(t *testing.T) {
	_, entry := newKey(t, "acme", "write")
	keys := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(keys, []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, listener := range []string{"otlp-http", "otlp-grpc", "kafka", "admin", "engine-http", "engine-native", "kafka with keys", "admin with keys"} {
		t.Run(listener, func(t *testing.T) {
			args := []string{"up", "--data-dir", t.TempDir(), "--ports", "random"}
			name, _, withKeys := strings.Cut(listener, " ")
			if args = append(args, "--"+name, "0.0.0.0:0"); withKeys { // which the bus and the admin pages do not know
				args = append(args, "--api-keys-file", keys)
			}
			cmd := exec.CommandContext(t.Context(), harness.Build(t, ""), args...)
			out, err := cmd.CombinedOutput()
			exit, ok := err.(*exec.ExitError) //nolint:errorlint // exec gives it as it is
			if !ok || exit.ExitCode() == 0 || !strings.Contains(string(out), "0.0.0.0") {
				t.Errorf("started, or did not say why not: %v\n%s", err, out)
			}
		})
	}
}

// testOpenDoors: who asks for doors that are open to the network gets them.
func testOpenDoors(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{Env: []string{
		"SPANMILL_OTLP_HTTP=0.0.0.0:0", "SPANMILL_OTLP_GRPC=0.0.0.0:0", "SPANMILL_INSECURE_NO_AUTH=true",
	}})
	for _, d := range doors() {
		sameAnswer(t, d.export(t, up, requestOf("insecure", oddSpan("s", nil))), d.ok())
	}
	awaitCount(t, up, "insecure", len(doors()))
	for _, addr := range []string{up.OTLPHTTP, up.OTLPGRPC} {
		if host, _, err := net.SplitHostPort(addr); err != nil || net.ParseIP(host) == nil {
			t.Errorf("address %q: %v", addr, err)
		}
	}
}

// testHostileSignals: metrics, and logs that tell nothing of GenAI, are answered
// so that auto-instrumented apps do not spam errors.
func testHostileSignals(t *testing.T, p harness.Plant) {
	up := harness.Start(t, p, harness.Options{})
	for _, c := range []struct{ signal, service, message string }{
		{"metrics", "metrics.v1.MetricsService", "spanmill stores traces: these metrics were read and dropped. Set OTEL_METRICS_EXPORTER=none to stop sending them."},
		{"logs", "logs.v1.LogsService", ""},
	} {
		want := doorAnswer{HTTP: http.StatusOK, Message: c.message}
		for _, d := range doors() {
			path := "/v1/" + c.signal
			if d.name == "gRPC" {
				path = "/opentelemetry.proto.collector." + c.service + "/Export"
			}
			if d.json && c.signal == "logs" {
				sameAnswer(t, d.send(t, up, doorCall{body: []byte(`{"future": 1}`), path: path}), d.at(want)) // logs are read
				continue
			}
			for _, body := range [][]byte{nil, unknownField(1000), unknownField(10 * mib)} {
				sameAnswer(t, d.send(t, up, doorCall{body: body, path: path}), d.at(want))
			}
			sameAnswer(t, d.send(t, up, doorCall{body: unknownField(1000), path: path, encoding: "gzip"}), d.at(want))
		}
	}
	status, header, page := getPage(t, "http://"+up.OTLPHTTP+"/")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/html") ||
		!strings.Contains(page, up.OTLPHTTP) || !strings.Contains(page, up.OTLPGRPC) || len(page) > 20_000 {
		t.Errorf("GET /: %d, %s\n%s", status, header, page)
	}
	if status, _, _ := getPage(t, "http://"+up.OTLPHTTP+"/else"); status != http.StatusNotFound {
		t.Errorf("GET /else: %d", status)
	}
	if status, header, _ := getPage(t, "http://"+up.OTLPHTTP+"/v1/traces"); status != http.StatusMethodNotAllowed || header.Get("Allow") != "POST" {
		t.Errorf("GET /v1/traces: %d, %s", status, header)
	}
	for path, want := range map[string]string{
		"/health": "alive\n", "/ready": "ready\n", "/metrics": "\nspanmill_gateway_spans_accepted_total 0\n",
		"/debug/pprof/goroutine?debug=1": "goroutine profile: total ", "/debug/pprof/heap": "\x1f\x8b",
	} {
		if status, _, page := getPage(t, "http://"+up.Admin+path); status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("admin %s: %d, %.200q", path, status, page)
		}
	}
	sameSQL(t, up, "SELECT count() FROM spans", "0")
}
