package telemetry

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// NewLogger writes text to a terminal and JSON to everything else. level is
// debug, info, warn or error.
func NewLogger(w *os.File, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(strings.TrimSpace(level))); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, options)), nil
}

// isTerminal takes every character device for one: the others are not logged to.
func isTerminal(w *os.File) bool {
	info, err := w.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
