package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/internal/engine/enginetest"
	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) {
	child.MainIfChild()
	testkit.MainNoLeaks(m)
}

// TestOnEngine runs what needs a ClickHouse: on one engine, each test in a
// database of its own.
func TestOnEngine(t *testing.T) {
	e := enginetest.Start(t)
	for name, test := range map[string]func(*testing.T, *bundle){
		"every column survives":             testEveryColumnSurvives,
		"extremes survive":                  testExtremesSurvive,
		"dict widths":                       testDictWidths,
		"lives of re-driven spans":          testLives,
		"rows of another log":               testOtherLog,
		"scratch leaves nothing":            testScratchLeavesNothing,
		"a data rejection is told":          testADataRejectionIsTold,
		"blocks match their tables":         testBlocksMatchTheirTables,
		"migrate again and altered":         testMigrateAgainAndAltered,
		"older databases come up":           testUpgrade,
		"every statement of the DDL parses": testDDLParses,
		"trace part survives":               testTracePartSurvives,
		"query errors are clean":            testQueryErrorsAreClean,
		"metrics":                           testMetrics,
		"stored rows are read back":         testStoredRowsAreReadBack,
		"stored parts are read back":        testStoredPartsAreReadBack,
		"events survive":                    testEventsSurvive,
		"an experiment survives":            testExperimentSurvives,
		"deletions hide, are due, delete":   testDeletions,
		"only missing rows are inserted":    testOnlyMissingRowsAreInserted,
		"reads":                             testReads,
		"scheduled metrics are read apart":  testScheduledReadsApart,
		"whole spans":                       testWholeSpans,
		"all is commented":                  testComments,
		"view of traces":                    testViewOfTraces,
		"view of assessments":               testViewOfAssessments,
		"view of business events":           testViewOfBusinessEvents,
		"views of spans":                    testViewsOfSpans,
		"views read little":                 testViewsReadLittle,
		"sums stand for spans":              testSummaries,
		"repricing":                         testRepricing,
		"repricing killed":                  testRepricingKilled,
		"rollups merge as in Go":            testRollupsMergeAsInGo,
		"old days of rollups":               testCompaction,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, e))
		})
	}
}

// bundle is a store with its tables.
type bundle struct {
	*Store
	engine *engine.Engine
	reg    *prometheus.Registry
}

func setup(t testing.TB, e *engine.Engine) *bundle {
	t.Helper()
	b := &bundle{engine: e, reg: prometheus.NewRegistry()}
	at := e.Endpoint()
	cfg := Default()
	cfg.URL, cfg.User, cfg.Password = "http://"+at.HTTPAddr, at.User, at.Password
	cfg.Database = "test_" + strings.ToLower(rand.Text())
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	b.Store = New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), b.reg)
	t.Cleanup(b.Store.Close)
	if err := b.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// query gives the answer in TSV.
func (b *bundle) query(t testing.TB, sql string) string {
	t.Helper()
	var out bytes.Buffer
	if err := b.Query(t.Context(), sql, "TSVRaw", &out); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func (b *bundle) expect(t testing.TB, want, sql string) {
	t.Helper()
	if got := b.query(t, sql); got != want {
		t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

// exec runs a statement through the client with settings of its own.
func (b *bundle) exec(ctx context.Context, sql string) error {
	return b.client.exec(ctx, request{sql: sql, settings: settings()})
}
