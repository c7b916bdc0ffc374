// Package child hosts the engine's library in a process that does nothing else.
// It is apart from package engine because a program that can load a shared
// library is bound to the machine's C library: those that only talk to a
// ClickHouse stay static.
package child

import (
	"fmt"
	"os"

	"github.com/spanmill/spanmill/internal/engine"
)

// MainIfChild hosts the engine and exits if this process was started for
// that; otherwise it returns at once. It must be the first thing in main, and
// in TestMain of any package whose tests start an Engine, because the parent
// re-executes its own binary.
func MainIfChild() {
	if len(os.Args) > 1 && os.Args[1] == engine.Command {
		os.Exit(Child(os.Args[2:]))
	}
}

// Child hosts the engine until standard input ends or SIGTERM arrives, and
// returns the exit code. Its arguments are the library and the data
// directory, which holds the configuration the parent wrote.
func Child(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "engine: this command is started by spanmill itself; it wants the library and the data directory")
		return 2
	}
	if err := host(args[0], engine.Dir(args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		return 1
	}
	return 0
}
