package engine

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	MainIfChild()
	goleak.VerifyTestMain(m)
}
