//go:build !(linux && amd64)

package child

import "github.com/spanmill/spanmill/internal/engine"

func host(string, engine.Dir) error { return engine.Supported() }
