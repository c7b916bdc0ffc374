package lint

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// unfinished matches words that promise work instead of doing it. The pattern
// is spelt so that it does not match itself.
var unfinished = regexp.MustCompile(`\b(TO[D]O|FIX[M]E|XX[X])\b|\bfor n[o]w\b|\bnot implement[e]d\b|\bsimplify l[a]ter\b`)

// unfinishedIn are the kinds of file in which these words are ours (a shell
// script's mktemp template is not).
var unfinishedIn = []string{".go", ".md", ".sql", ".ts", ".py", ".js"}

// private matches what is true of one machine only: home and work folders,
// siblings of the tree, the hosts and settings of package registries.
var private = regexp.MustCompile(`(^|[\s"'=(:\x60])(/w[o]rk/|/ho[m]e/[a-z]|/ro[o]t/|/Use[r]s/)` +
	`|\.\./shar[e]d` +
	`|"resolv[e]d": *"http` +
	`|registr[y]\.npmjs|prox[y]\.golang\.org|su[m]\.golang\.org|pyp[i]\.org|pythonhost[e]d\.org|repo\d*\.maven\.apach[e]` +
	`|GOPROX[Y]=http|index-ur[l][= ]http|registr[y][= ]http`)

// Hygiene reads every file that is or would be committed.
func Hygiene(ctx context.Context, dir string) ([]Finding, error) {
	names, err := committed(ctx, dir)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return nil, err
		}
		found = append(found, readText(name, text)...)
	}
	return found, nil
}

// committed lists what git tracks and what it would add.
func committed(ctx context.Context, dir string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list committed files: %w", err)
	}
	names := strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	return slices.Compact(names), nil
}

func readText(name string, text []byte) []Finding {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil // binary
	}
	var found []Finding
	n := 0
	for line := range bytes.Lines(text) {
		n++
		where := fmt.Sprintf("%s:%d", name, n)
		if hit := unfinished.Find(line); hit != nil && slices.Contains(unfinishedIn, filepath.Ext(name)) {
			found = append(found, Finding{where, fmt.Sprintf("%q: finish it, or open an issue and delete the note", hit)})
		}
		if hit := private.Find(line); hit != nil {
			found = append(found, Finding{where, fmt.Sprintf("%q is true of one machine only: use a relative path, a flag or the client's own settings", hit)})
		}
	}
	return found
}
