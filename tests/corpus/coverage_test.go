package corpus_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spanmill/spanmill/internal/testkit"
	"github.com/spanmill/spanmill/pkg/schema"
)

// introduction is what docs/dialects.md says before its tables.
const introduction = `# Dialects

Which columns real instrumentations fill. This page is made from the captures in tests/corpus (` + "`go test ./tests/corpus -update`" + `
rewrites it, and a test fails while it is not what they say): what is marked was seen in a span that the named package exported, through
the same decoding and normalising as in the writer. A column without a mark may be one that the recorded scenarios give no reason to fill.
What each column means is in pkg/schema/genai.go; the mapping of every key is in pkg/schema/semconv.

`

// TestCoverage keeps docs/dialects.md true.
func TestCoverage(t *testing.T) {
	t.Parallel()
	seen := make(map[string]map[string]int) // column → dialect → spans
	scopes := make(map[string]map[string]int)
	for _, c := range all(t) {
		if c.signal != "traces" {
			continue
		}
		for _, n := range spans(t, c) {
			for _, f := range filled(&n.genai) {
				count(seen, f.name, c.dialect)
			}
			count(scopes, c.dialect, strings.TrimSpace(n.span.Scope.Name+" "+n.span.Scope.Version))
		}
	}
	var out bytes.Buffer
	out.WriteString(introduction)
	columnTable(&out, seen)
	scopeTable(&out, scopes)
	testkit.Golden(t, "../../../docs/dialects.md", out.Bytes())
}

func count(table map[string]map[string]int, row, column string) {
	if table[row] == nil {
		table[row] = make(map[string]int)
	}
	table[row][column]++
}

func columnTable(out *bytes.Buffer, seen map[string]map[string]int) {
	fmt.Fprintf(out, "| column | %s |\n|---|%s\n", strings.Join(dialects, " | "), strings.Repeat(":-:|", len(dialects)))
	for _, column := range columnsOf(reflect.TypeFor[schema.GenAI](), nil) {
		fmt.Fprintf(out, "| %s |", column)
		for _, dialect := range dialects {
			mark := " "
			if seen[column][dialect] > 0 {
				mark = " ● "
			}
			fmt.Fprintf(out, "%s|", mark)
		}
		out.WriteByte('\n')
	}
}

// columnsOf names the columns in the order in which they are declared.
func columnsOf(of reflect.Type, out []string) []string {
	for f := range of.Fields() {
		switch {
		case where[f.Name]:
		case f.Type == reflect.TypeFor[schema.Request]():
			out = columnsOf(f.Type, out)
		default:
			out = append(out, f.Name)
		}
	}
	return out
}

func scopeTable(out *bytes.Buffer, scopes map[string]map[string]int) {
	out.WriteString("\nRecorded from these instrumentation scopes:\n\n| dialect | scope and version | spans |\n|---|---|--:|\n")
	for _, dialect := range dialects {
		for _, scope := range slices.Sorted(maps.Keys(scopes[dialect])) {
			fmt.Fprintf(out, "| %s | %s | %d |\n", dialect, scope, scopes[dialect][scope])
		}
	}
}
