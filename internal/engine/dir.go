package engine

import "path/filepath"

// Command is the hidden subcommand under which the product binary hosts the
// engine.
const Command = "engine"

// Dir names the files in the engine's data directory.
type Dir string

// Config is the server's configuration.
func (d Dir) Config() string { return filepath.Join(string(d), "config.xml") }

// Lock is the file whose lock says that an engine runs.
func (d Dir) Lock() string { return filepath.Join(string(d), "lock") }

// Tables is where the server keeps its data.
func (d Dir) Tables() string { return filepath.Join(string(d), "tables") }

func (d Dir) users() string    { return filepath.Join(string(d), "users.xml") }
func (d Dir) password() string { return filepath.Join(string(d), "password") }
func (d Dir) log() string      { return filepath.Join(string(d), "engine.log") }
