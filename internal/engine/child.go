package engine

import (
	"fmt"
	"os"
	"path/filepath"
)

// Command is the hidden subcommand under which the product binary hosts the
// engine.
const Command = "engine"

// MainIfChild hosts the engine and exits if this process was started for
// that; otherwise it returns at once. It must be the first thing in main, and
// in TestMain of any package whose tests start an Engine, because the parent
// re-executes its own binary.
func MainIfChild() {
	if len(os.Args) > 1 && os.Args[1] == Command {
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
	if err := host(args[0], dataDir(args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		return 1
	}
	return 0
}

// dataDir names the files in the engine's directory.
type dataDir string

func (d dataDir) config() string   { return filepath.Join(string(d), "config.xml") }
func (d dataDir) users() string    { return filepath.Join(string(d), "users.xml") }
func (d dataDir) password() string { return filepath.Join(string(d), "password") }
func (d dataDir) lock() string     { return filepath.Join(string(d), "lock") }
func (d dataDir) log() string      { return filepath.Join(string(d), "engine.log") }
func (d dataDir) tables() string   { return filepath.Join(string(d), "tables") }
