package e2e_test

import (
	"testing"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// everywhere are the tests that hold wherever the pipeline runs. Those that do
// not are functions Test… of their own, for one of these reasons:
//
//   - TestContractForScripts: the addresses file, the ports and the child are
//     what `up` promises to scripts. The contract of ingest-gateway and writer is
//     in tests/kafka.
//   - TestRefusesToListenWithoutKeys, TestHostileBinds: command lines that are
//     refused before there is a Kafka to talk to.
//   - TestLimitsPageSaysWhatIsInForce: docs/limits.md is about `up`.
//
// What only the embedded bus does (its disk budget, trimming, its offset floor)
// is tested beside it, in internal/bus/embedded.
var everywhere = []struct {
	name string
	test func(*testing.T, harness.Plant)
}{
	{"records", testHostileRecords},
	{"strangers", testHostileStrangers},
	{"overload", testHostileOverload},
	{"clients", testHostileClients},
	{"crowd", testHostileCrowd},
	{"keys", testHostileKeys},
	{"open doors", testOpenDoors},
	{"signals", testHostileSignals},
	{"requests", testHostileRequests},
	{"content", testHostileContent},
	{"bombs", testHostileBombs},
	{"stop", testHostileStop},
	{"second signal", testHostileSecondSignal},
	{"times", testHostileTimes},
	{"import", testHostileImport},
	{"import beyond retention", testHostileImportBeyondRetention},
	{"sizes", testHostileSizes},
	{"values", testHostileValues},
	{"JSON depth", testHostileJSONDepth},
	{"trace", testHostileTrace},
	{"killed at named points", testKilledAtNamedPoints},
	{"engine killed", testEngineKilled},
	{"poison", testPoison},
	{"dead letters", testDeadLetterCommands},
	{"redrive killed", testRedriveKilled},
	{"experiments", testExperiments},
	{"MLflow", testMLflow},
}

// TestOnUp runs them on `spanmill up`: the embedded bus and the engine.
func TestOnUp(t *testing.T) {
	t.Parallel()
	for _, e := range everywhere {
		t.Run(e.name, func(t *testing.T) { e.test(t, harness.NewUp(t)) })
	}
}

// TestOnKafka runs them on ingest-gateway and writer, on a real Kafka that they
// enter by SASL over TLS, in both group protocols. Plants of one site take turns:
// they have the same topics.
func TestOnKafka(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			site := kafka.NewSite(t)
			site.Start(t)
			for _, e := range everywhere {
				t.Run(e.name, func(t *testing.T) { e.test(t, site.Plant(t, protocol)) })
			}
		})
	}
}
