package app

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// secretVariables are the settings that exist only outside the command line.
var secretVariables = [...]string{"SPANMILL_CLICKHOUSE_PASSWORD"}

// commandLine is the parsed command line, as kong hands it to a command.
type commandLine = *kong.Context

// printConfig shows what every flag of the command resolved to. Secrets are
// never flags; of those in the environment it says only whether they are set.
func printConfig(w io.Writer, k commandLine) error {
	for _, f := range k.Flags() {
		if f.Name == "help" || f.Name == "check" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %v\n", f.Name, k.FlagValue(f)); err != nil {
			return err
		}
	}
	for _, name := range secretVariables {
		state := "not set"
		if os.Getenv(name) != "" {
			state = "***"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", name, state); err != nil {
			return err
		}
	}
	return nil
}
