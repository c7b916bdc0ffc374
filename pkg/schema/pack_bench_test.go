package schema_test

import (
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

// BenchmarkEncodeEvents is a record of one trace info, as most are.
func BenchmarkEncodeEvents(b *testing.B) {
	events := eventsByKind()[:1]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := schema.EncodeEvents(events); err != nil {
			b.Fatal(err)
		}
	}
}
