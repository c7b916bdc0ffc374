// Package host is linked by the one program that hosts the ClickHouse engine.
// Loading a library binds a program to the machine's C library; the others are
// static because they leave this out.
package host

import "github.com/spanmill/spanmill/internal/engine/child"

// EngineIfChild runs the ClickHouse engine and does not return when this process
// was started as its host. It must be the first call of main.
func EngineIfChild() { child.MainIfChild() }
