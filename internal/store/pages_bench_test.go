package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/query"
)

// Shape of the experiment that BenchmarkPages pages through: traces of eight
// spans, a hundred of them a second, the last one a second ago.
const (
	pagedTraces = 100_000
	pagedSpans  = 8
)

// pagedRows fill the tables as gateway and writer do for MLflow's SDK.
var pagedRows = []string{
	`INSERT INTO trace_info (tenant, experiment_id, trace_id, request_ms, duration_ms, state, request_preview, response_preview, metadata, tags,
		version, received_at, part_day, retention_days)
	SELECT 'acme', '1', lower(hex(MD5(toString(number)))), ms, 120, 'OK', repeat('question ', 20), repeat('answer ', 20),
		map('mlflow.trace.session', toString(number %% 500), 'mlflow.trace.sizeStats', '{"num_spans": 8}',
			'mlflow.trace.tokenUsage', '{"input_tokens": 70, "output_tokens": 35, "total_tokens": 105}'), map('mlflow.traceName', 'chain'),
		number, toDateTime64(ms / 1000, 3), toDate(ms / 1000), 30
	FROM (SELECT number, %d - number * 10 AS ms FROM numbers(%d, %d))`,
	`INSERT INTO trace_parts (tenant, experiment_id, trace_id, has_root, root_status, start_unix_nano, end_unix_nano, spans, session_id,
		cost, cost_input, resources, tells, src_offset, received_at, part_day, retention_days)
	SELECT 'acme', '1', lower(hex(MD5(toString(number)))), true, 'OK', ms * 1000000, ms * 1000000 + 120000000, 8, toString(number %% 500),
		0.000035, 0.000007, ['{"service.name":"app","host":"a"}'], 1 + 32 + 64 + 128, number, toDateTime64(ms / 1000, 3), toDate(ms / 1000), 30
	FROM (SELECT number, %d - number * 10 AS ms FROM numbers(%d, %d))`,
	`INSERT INTO spans (tenant, experiment_id, trace_id, span_id, parent_span_id, is_root, name, status, start_unix_nano, end_unix_nano, attr_str,
		input, input_key, output, output_key, resource_attrs, src_offset, src_index, received_at, part_day, retention_days)
	SELECT 'acme', '1', lower(hex(MD5(toString(n)))), lower(hex(reinterpretAsFixedString(n * 8 + i + 1))), if(i = 0, '', 'aa00000000000000'), i = 0,
		if(i = 0, 'chain', 'step'), 'OK', (ms + i) * 1000000, (ms + i + 10) * 1000000,
		map('mlflow.spanType', if(i = 0, 'CHAIN', 'LLM'), 'mlflow.chat.tokenUsage', '{"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}',
			'note', hex(randomString(100))),
		hex(randomString(150)), 'mlflow.spanInputs', hex(randomString(150)), 'mlflow.spanOutputs', '{"service.name":"app","host":"a"}',
		n, i, toDateTime64(ms / 1000, 3), toDate(ms / 1000), 30
	FROM (SELECT intDiv(number, 8) AS n, number %% 8 AS i, %d - n * 10 AS ms FROM numbers(%d, %d))`,
}

// fillPages inserts in steps that the engine's memory suffices for.
func (b *bundle) fillPages(t testing.TB) {
	t.Helper()
	newest := time.Now().UnixMilli() - 1000
	for i, sql := range pagedRows {
		rows, step := pagedTraces, pagedTraces
		if i == 2 {
			rows *= pagedSpans
		}
		for from := 0; from < rows; from += step {
			if err := b.exec(t.Context(), fmt.Sprintf(sql, newest, from, step)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// BenchmarkPages reports the engine's CPU and the time of a page of 500 traces,
// one after the other of 100,000, the newest first.
func BenchmarkPages(b *testing.B) {
	s := setup(b, enginetest.Start(b))
	s.fillPages(b)
	idle(b, s)
	r, search := Reader{s.Store}, query.Search{ExperimentIDs: []string{"1"}, Limit: query.MaxPage}
	before := cpuSeconds(b, s.engine.PID())
	pages := 0
	for ; b.Loop(); pages++ {
		page, err := r.Search(b.Context(), "acme", search)
		if err != nil || len(page.Traces) != search.Limit {
			b.Fatalf("page %d: %d traces, %v", pages, len(page.Traces), err)
		}
		search.Token = page.Token
	}
	b.ReportMetric((cpuSeconds(b, s.engine.PID())-before)/float64(pages)*1000, "cpu-ms/page")
}
