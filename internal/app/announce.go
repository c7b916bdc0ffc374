package app

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// announce tells people and then scripts where everything is.
func (p *plant) announce(a Addresses) error {
	_, err := fmt.Fprintf(p.console.out, `
spanmill %s is up; data in %s

  send traces   OTLP/HTTP http://%s/v1/traces   OTLP/gRPC %s
  look          http://%s/ (examples)   spanmill sql "SELECT * FROM spans LIMIT 5"
  ClickHouse    http://%s/play (user %s)   native %s
  Kafka         %s (topics spans, dead-letters)
  MLflow        %s
  metrics       %s
  operate       http://%s/metrics   /ready   /debug/pprof/

%s
waiting for the first trace; Ctrl-C stops, a second one at once
`, Version, p.up.DataDir, a.OTLPHTTP, a.OTLPGRPC, a.OTLPHTTP, a.ClickHouseHTTP, a.ClickHouseUser, a.ClickHouseNative,
		a.Kafka, mlflowURI(a), metricsURL(a), a.Admin, examples(a))
	if err != nil {
		return err
	}
	return p.writeAddresses(a)
}

// mlflowURI is what MLflow's clients are told.
func mlflowURI(a Addresses) string {
	if a.MLflow == "" {
		return "no door for its clients: name one by --mlflow-http"
	}
	return "MLFLOW_TRACKING_URI=http://" + a.MLflow
}

// metricsURL is where to ask for metrics.
func metricsURL(a Addresses) string {
	if a.API == "" {
		return "no listener: name one by --api-http"
	}
	return "http://" + a.API + "/metrics (Prometheus)   http://" + a.API + "/api/v1/metrics/query?metric=trace_latency&view=service"
}

// examples are one sender each for curl, OpenTelemetry Python and MLflow.
func examples(a Addresses) string {
	text := `  curl:
    curl -s http://OTLP_HTTP/v1/traces -H 'content-type: application/json' -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"hello"}}]},"scopeSpans":[{"spans":[{"traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","name":"chat","startTimeUnixNano":"'$(date +%s%N)'","endTimeUnixNano":"'$(date +%s%N)'","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"gpt-4o-mini"}}]}]}]}]}'
  OpenTelemetry Python (pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http; program in README.md)
    OTEL_EXPORTER_OTLP_ENDPOINT=http://OTLP_HTTP OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none python app.py
`
	text = strings.ReplaceAll(text, "OTLP_HTTP", a.OTLPHTTP)
	if a.MLflow == "" {
		return text
	}
	return text + `  MLflow (pip install mlflow-tracing, or mlflow; program in README.md)
    MLFLOW_TRACKING_URI=http://` + a.MLflow + ` python app.py
    mlflow-tracing alone needs one line in the program, mlflow.set_experiment("my-app"): without it that package sends nothing and says nothing
`
}

// writeAddresses writes the file in the data directory, and then the one that
// scripts wait for.
func (p *plant) writeAddresses(a Addresses) error {
	if err := a.write(filepath.Join(p.up.DataDir, addressesName)); err != nil {
		return err
	}
	if p.up.Addresses == "" {
		return nil
	}
	return a.write(p.up.Addresses)
}

// followEngine keeps the files true: an engine that was started again has
// another process id, though its addresses stay.
func (p *plant) followEngine(ctx context.Context, a Addresses) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pid := p.engine.PID()
		if pid == 0 || pid == a.PIDs.Engine {
			continue
		}
		a.PIDs.Engine = pid
		if err := p.writeAddresses(a); err != nil {
			p.log.Warn("addresses not written", "err", err)
		}
	}
}

// watchInterval is how often the tables are asked for the first trace, and the
// engine for its process id.
const watchInterval = 500 * time.Millisecond

// watchFirst shows the first trace that arrives after the start, and how to see
// it. It is for a person watching: it gives up silently when it cannot ask.
func (p *plant) watchFirst(ctx context.Context) {
	sql := fmt.Sprintf("SELECT trace_id, root_name, service_name, spans FROM trace_parts"+
		" WHERE received_at >= fromUnixTimestamp64Milli(%d) ORDER BY received_at LIMIT 1", time.Now().UnixMilli())
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var out bytes.Buffer
		if err := p.store.Query(ctx, sql, "TSV", &out); err != nil || out.Len() == 0 {
			continue
		}
		f := strings.Split(strings.TrimSpace(out.String()), "\t")
		if len(f) < 4 {
			continue
		}
		fmt.Fprintf(p.console.out, "first trace: %s (%s, service %s, %s spans). See it:\n  spanmill sql --data-dir %s \"SELECT name, kind, model, duration_ns FROM spans WHERE trace_id = '%s' ORDER BY start_time\"\n",
			f[0], f[1], f[2], f[3], p.up.DataDir, f[0])
		return
	}
}
