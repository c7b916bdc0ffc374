package lint

import (
	"fmt"
	"slices"
	"strings"
)

// layer is a step of the stack that docs/ARCHITECTURE.md draws: imports point
// downward only.
type layer string

const (
	words    layer = "words"    // values and codecs: no I/O, clock, log or context
	flow     layer = "flow"     // the generic loop: standard library only
	base     layer = "base"     // what every part may lean on
	adapters layer = "adapters" // one outside system each
	stages   layer = "stages"   // what the product does
	demo     layer = "demo"     // the generator and its ledger: an oracle must not share our code
	root     layer = "root"     // the composition root
	doors    layer = "doors"    // main functions
	tests    layer = "tests"    // never imported by production code
)

// layerOf places every package. A folder's entry covers the folders below it
// that have none of their own.
var layerOf = map[string]layer{
	"pkg/schema":                words,
	"pkg/pipeline":              flow,
	"internal/service":          base,
	"internal/telemetry":        base,
	"internal/auth":             base,
	"internal/pricing":          base,
	"internal/dedup":            base,
	"internal/query":            base,
	"internal/yamlat":           base,
	"internal/weekly":           base,
	"web":                       base,
	"deploy":                    base,
	"internal/bus":              adapters,
	"internal/bus/embedded":     adapters,
	"internal/store":            adapters,
	"internal/engine":           adapters,
	"internal/gateway":          stages,
	"internal/writer":           stages,
	"internal/aggregator":       stages,
	"internal/live":             stages,
	"internal/alerts":           stages,
	"internal/scheduled":        stages,
	"internal/mlflow":           stages,
	"internal/api":              stages,
	"internal/demo":             demo,
	"internal/app":              root,
	"cmd":                       doors,
	"internal/testkit":          tests,
	"internal/lint":             tests,
	"pkg/pipeline/pipelinetest": tests,
	"tests":                     tests,
	"bench":                     tests,
}

// mayImport says which layers a layer may lean on, besides the packages below
// its own entry in layerOf.
var mayImport = map[layer][]layer{
	words:    {words},
	flow:     {},
	base:     {words, flow},
	adapters: {words, flow, base},
	stages:   {words, flow, base},
	demo:     {},
	root:     {words, flow, base, adapters, stages, demo},
	doors:    {root},
}

// libraries are the outside packages that are kept to one place, so that what
// they speak to can be replaced there. The tests layer may use any.
var libraries = map[string][]string{
	"github.com/twmb/franz-go/pkg/kfake":                      {"internal/bus/embedded"},
	"github.com/twmb/franz-go":                                {"internal/bus", "internal/bus/embedded"},
	"github.com/ClickHouse/clickhouse-go":                     {"internal/store"},
	"github.com/ClickHouse/ch-go":                             {"internal/store"},
	"github.com/pressly/goose":                                {"internal/store"},
	"github.com/ebitengine/purego":                            {"internal/engine"},
	"cel.dev/cel-go":                                          {"internal/aggregator"},
	"github.com/alecthomas/kong":                              {"internal/app", "cmd"},
	"go.opentelemetry.io/otel/sdk":                            {"internal/telemetry"},
	"go.opentelemetry.io/otel/exporters":                      {"internal/telemetry"},
	"github.com/prometheus/client_golang/prometheus/promhttp": {"internal/telemetry"},
	"go.opentelemetry.io/collector/pdata":                     nil,
	"github.com/segmentio/kafka-go":                           nil,
	"github.com/testcontainers":                               nil,
	"github.com/chromedp":                                     nil,
	"github.com/google/go-cmp":                                nil,
	"pgregory.net/rapid":                                      nil,
	"go.uber.org/goleak":                                      nil,
}

// outsideOf lists what the two bottom layers may use besides the standard
// library.
var outsideOf = map[layer][]string{
	words: {
		"github.com/vmihailenco/msgpack", "github.com/VictoriaMetrics/easyproto",
		"github.com/klauspost/compress", "github.com/cespare/xxhash",
		"go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf",
		"google.golang.org/genproto/googleapis/rpc",
	},
	flow: {},
	demo: {"go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf", "google.golang.org/grpc"},
}

// notInWords are the parts of the standard library that bring the outside in.
var notInWords = []string{"context", "log", "net", "os", "database/sql"}

// place finds the layer of a package directory and the entry that gave it.
func place(dir string) (entry string, l layer) {
	last := dir[strings.LastIndexByte(dir, '/')+1:]
	if strings.HasSuffix(last, "test") {
		return dir, tests // a conformance suite beside what it tests: bustest, servicetest
	}
	for entry = dir; entry != "."; entry = parent(entry) {
		if l, ok := layerOf[entry]; ok {
			return entry, l
		}
	}
	return "", ""
}

func parent(dir string) string {
	if i := strings.LastIndexByte(dir, '/'); i >= 0 {
		return dir[:i]
	}
	return "."
}

// Layers checks every import of production code. Test files may import
// anything.
func Layers(files []*File) []Finding {
	var found []Finding
	for _, f := range files {
		entry, l := place(f.Dir())
		if l == "" {
			found = append(found, Finding{f.Path, "package " + f.Dir() + " has no layer: place it in layerOf, internal/lint/layers.go"})
			continue
		}
		if l == tests || f.IsTest() {
			continue
		}
		for name, line := range f.Imports() {
			if what := judge(entry, l, name); what != "" {
				found = append(found, Finding{fmt.Sprintf("%s:%d", f.Path, line), what})
			}
		}
	}
	return found
}

// judge says what is wrong with an import by a package of layer l, if anything.
func judge(entry string, l layer, name string) string {
	if ours, ok := strings.CutPrefix(name, Module+"/"); ok {
		return judgeOurs(entry, l, ours)
	}
	if standard(name) {
		if l == words && under(name, notInWords) {
			return "words are values: no " + name + " here; take what you need as an argument"
		}
		return ""
	}
	if allowed, bounded := outsideOf[l]; bounded && !under(name, allowed) {
		return fmt.Sprintf("layer %q does without %s; see outsideOf in internal/lint/layers.go", l, name)
	}
	library := longest(name)
	if library == "" || under(entry, libraries[library]) {
		return ""
	}
	if len(libraries[library]) == 0 {
		return library + " is for tests only"
	}
	return fmt.Sprintf("%s is used in %s only: declare an interface here and let that package satisfy it",
		library, strings.Join(libraries[library], ", "))
}

func judgeOurs(entry string, l layer, ours string) string {
	target, tl := place(ours)
	switch {
	case target == entry && tl == l:
		return "" // the same part
	case tl == tests:
		return "production code must not import " + ours + ": it is for tests"
	case slices.Contains(mayImport[l], tl):
		return ""
	case l == stages && tl == stages:
		return "a stage must not import the stage " + ours + ": they meet through topics and tables"
	case l == adapters && tl == adapters:
		return "an adapter must not import the adapter " + ours + ": internal/app joins them"
	case l == stages && tl == adapters:
		return "a stage must not import the adapter " + ours + ": declare the one to three methods you need as an interface here"
	case l == doors:
		return "cmd imports internal/app only: move the work there"
	}
	return fmt.Sprintf("layer %q must not import %s (layer %q): imports point downward", l, ours, tl)
}

// standard reports whether an import path is of the standard library: its
// first element has no dot.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// under reports whether name is one of the roots or below one.
func under(name string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool {
		return name == r || strings.HasPrefix(name, r+"/")
	})
}

// longest gives the most specific library rule for an import path, "" if none.
func longest(name string) string {
	best := ""
	for library := range libraries {
		if under(name, []string{library}) && len(library) > len(best) {
			best = library
		}
	}
	return best
}
