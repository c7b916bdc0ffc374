package app

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/spanmill/spanmill/internal/testkit"
)

// The page, as testkit.Golden names it, and what its table stands between.
const (
	limitsPage  = "../../../docs/limits.md"
	limitsBegin = "<!-- The table is made of the flags: go test ./internal/app -run TestSettingsTable -update -->\n"
	limitsEnd   = "<!-- end of the table -->\n"
)

// setting is a row of the table: a number or a duration that a flag sets.
type setting struct {
	name, bounds, because string
	value                 map[string]string // by program
}

// TestSettingsTable makes the table of settings in docs/limits.md from what the
// programs take, in the order of their flags. A flag says what it bounds in its
// help, and why it is what it is in its tag "because".
func TestSettingsTable(t *testing.T) {
	programs := []string{"up", "ingest-gateway", "writer", "aggregator"}
	var settings []*setting
	byName := make(map[string]*setting)
	for i, cli := range []any{&upCommand{}, &gatewayCommand{}, &writerCommand{}, &aggregatorCommand{}} {
		parser, err := kong.New(cli, kong.Vars{"version": ""})
		if err != nil {
			t.Fatal(err)
		}
		line, err := parser.Parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range line.Flags() {
			if !counts(f) {
				continue
			}
			s := byName[f.Name]
			if s == nil {
				s = &setting{name: f.Name, bounds: f.Help, value: make(map[string]string)}
				byName[f.Name], settings = s, append(settings, s)
			}
			s.value[programs[i]] = fmt.Sprint(line.FlagValue(f))
			if s.because == "" {
				s.because = f.Tag.Get("because")
			}
		}
	}
	var table strings.Builder
	table.WriteString("| flag | " + strings.Join(programs, " | ") + " | bounds | because |\n|---|---|---|---|---|---|---|\n")
	for _, s := range settings {
		fmt.Fprintf(&table, "| `--%s` |", s.name)
		for _, p := range programs {
			value := s.value[p]
			if value == "" {
				value = "–"
			}
			fmt.Fprintf(&table, " %s |", value)
		}
		fmt.Fprintf(&table, " %s | %s |\n", strings.TrimSuffix(s.bounds, "."), s.because)
	}
	page, err := os.ReadFile(filepath.Join("testdata", limitsPage))
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(page), limitsBegin)
	_, tail, ends := strings.Cut(rest, limitsEnd)
	if !begins || !ends {
		t.Fatal("docs/limits.md has lost the marks that its table stands between")
	}
	testkit.Golden(t, limitsPage, []byte(head+limitsBegin+"\n"+table.String()+"\n"+limitsEnd+tail))
}

// counts reports whether a flag sets a number or a duration.
func counts(f *kong.Flag) bool {
	kinds := []reflect.Kind{reflect.Int, reflect.Int64, reflect.Uint16}
	return slices.Contains(kinds, f.Target.Kind())
}

// TestStandardWriterIsTheWriters: verify and replay decide as a writer does that
// was told nothing.
func TestStandardWriterIsTheWriters(t *testing.T) {
	cmd := &writerCommand{}
	parser, err := kong.New(cmd, kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		t.Fatal(err)
	}
	if got, want := standardWriter(), cmd.config(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
