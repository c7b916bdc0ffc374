package corpus_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
	"github.com/spanmill/spanmill/pkg/schema/otlp"
	"github.com/spanmill/spanmill/pkg/schema/semconv"
)

func TestMain(m *testing.M) { testkit.MainNoLeaks(m) }

const captures = "testdata/captures"

// leastCaptures is what the corpus must hold: a lost folder fails here.
const leastCaptures = 130

// dialects in the order of docs/dialects.md.
var dialects = []string{"otel", "openinference", "openllmetry", "mlflow", "langfuse", "vercel"}

// capture names one file of the corpus.
type capture struct{ dialect, variant, scenario, signal string }

func (c capture) String() string {
	return c.dialect + "/" + c.variant + "." + c.scenario + "." + c.signal
}

func (c capture) content(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(captures, filepath.FromSlash(c.String())+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// all gives the captures of every dialect, sorted.
func all(t *testing.T) []capture {
	t.Helper()
	var found []capture
	for _, dialect := range dialects {
		files, err := filepath.Glob(filepath.Join(captures, dialect, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parts := strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), ".")
			if len(parts) != 3 {
				t.Fatalf("%s is not VARIANT.SCENARIO.SIGNAL.json", file)
			}
			found = append(found, capture{dialect, parts[0], parts[1], parts[2]})
		}
	}
	return found
}

// normalized is a span with its meaning, both owned.
type normalized struct {
	span  schema.Span
	genai schema.GenAI
}

// spans replays a capture as the writer does.
func spans(t *testing.T, c capture) []normalized {
	t.Helper()
	record, err := otlp.FromJSON(nil, c.content(t))
	if err != nil {
		t.Fatal(err)
	}
	var decoder otlp.Decoder
	decoded, err := decoder.Decode(record)
	if err != nil {
		t.Fatal(err)
	}
	var out []normalized
	for i := range decoded {
		n := normalized{span: decoded[i]}
		if n.span.Invalid != "" {
			t.Fatalf("span %d: %s", i, n.span.Invalid)
		}
		// A Normalizer's text lives until its next call: one for each span.
		semconv.New().Normalize(&decoded[i], &n.genai)
		out = append(out, n)
	}
	slices.SortStableFunc(out, func(a, b normalized) int {
		return int(int64(a.span.StartUnixNano) - int64(b.span.StartUnixNano))
	})
	return out
}

// logs replays a capture of log records.
func logs(t *testing.T, c capture) []schema.LogRecord {
	t.Helper()
	request := plogotlp.NewExportRequest()
	if err := request.UnmarshalJSON(c.content(t)); err != nil {
		t.Fatal(err)
	}
	record, err := request.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	var decoder otlp.Decoder
	records, err := decoder.DecodeLogs(record)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// TestGoldens compares what every capture means with what was read and
// committed.
func TestGoldens(t *testing.T) {
	t.Parallel()
	found := all(t)
	if len(found) < leastCaptures {
		t.Errorf("%d captures, want %d at least", len(found), leastCaptures)
	}
	for _, c := range found {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			var text []byte
			if c.signal == "logs" {
				text = renderLogs(logs(t, c))
			} else {
				text = renderSpans(spans(t, c))
			}
			testkit.Golden(t, "goldens/"+c.String()+".txt", text)
		})
	}
	noOrphans(t, found)
}

// noOrphans: a golden whose capture is gone is read by nobody.
func noOrphans(t *testing.T, found []capture) {
	t.Helper()
	files, err := filepath.Glob("testdata/goldens/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/goldens/"), ".txt")
		if !slices.ContainsFunc(found, func(c capture) bool { return c.String() == name }) {
			t.Errorf("%s has no capture", file)
		}
	}
}
