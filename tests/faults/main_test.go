package faults_test

import (
	"testing"

	"github.com/spanmill/spanmill/internal/engine/child"
	"github.com/spanmill/spanmill/tests/e2e/harness"
)

func TestMain(m *testing.M) {
	child.MainIfChild() // the ClickHouse of the plants on Kafka
	harness.Main(m)
}
