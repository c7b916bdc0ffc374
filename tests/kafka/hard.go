package kafka

import (
	"os"
	"testing"

	"github.com/spanmill/spanmill/internal/engine"
	"github.com/spanmill/spanmill/internal/testkit"
)

// Configure adds lines to the broker's server.properties; of one name the last
// line holds. It is for before Start.
func (b *Broker) Configure(t testing.TB, lines string) {
	t.Helper()
	text, err := os.ReadFile(b.path("server.properties"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, b.path("server.properties"), string(text)+lines)
}

// BuryAgain is Bury for moments at which the group's coordinator may still be
// reading what it has to know.
func (p *Plant) BuryAgain(t testing.TB) {
	t.Helper()
	testkit.Eventually(t, startTimeout, func() error { return p.bury(t.Context()) })
}

// Dir names the files of ClickHouse's data directory.
func (c *ClickHouse) Dir() engine.Dir { return engine.Dir(c.cfg.DataDir) }
