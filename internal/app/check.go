package app

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// commandLine is the parsed command line, as kong hands it to a command.
type commandLine = *kong.Context

// printConfig shows what every flag of the command resolved to. Secrets are
// never flags; of the variables that hold some it says only whether they are set.
func printConfig(w io.Writer, k commandLine, secrets ...string) error {
	for _, f := range k.Flags() {
		if f.Name == "help" || f.Name == "check" || f.Name == "version" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %v\n", f.Name, k.FlagValue(f)); err != nil {
			return err
		}
	}
	for _, name := range secrets {
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
