package query

import "strings"

// idPrefix is what MLflow's ids of traces begin with.
const idPrefix = "tr-"

// StoredID is a trace's id as tables have it, of the id that a client gives.
func StoredID(given string) string {
	if hex, ok := strings.CutPrefix(given, idPrefix); ok && isTraceID(hex) {
		return hex
	}
	return given
}

// GivenID is a trace's id as MLflow's clients know it, of the stored one.
func GivenID(stored string) string {
	if isTraceID(stored) {
		return idPrefix + stored
	}
	return stored
}

func isTraceID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
