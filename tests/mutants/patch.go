package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// patch is one planted bug.
type patch struct {
	File   string // absolute
	Mutant string // what is broken, in words
	// Package and Test name what must go red. Tags are build tags it needs.
	Package, Test, Tags string
}

// patches reads every patch of a folder, in name order.
func patches(dir string) ([]patch, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	list := make([]patch, 0, len(files))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p, err := parse(content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		if p.File, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// parse reads the header: "Key: value" lines before the first line of a diff.
func parse(content []byte) (patch, error) {
	var p patch
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok || strings.HasPrefix(key, "diff ") {
			break
		}
		switch key {
		case "Mutant":
			p.Mutant = value
		case "Package":
			p.Package = value
		case "Test":
			p.Test = value
		case "Tags":
			p.Tags = value
		default:
			return p, fmt.Errorf("unknown header %q", key)
		}
	}
	if p.Mutant == "" || p.Package == "" || p.Test == "" {
		return p, errors.New("the header must have Mutant, Package and Test")
	}
	return p, nil
}

// apply patches the tree at root; with check it only says whether it could.
func (p *patch) apply(ctx context.Context, root string, check bool) error {
	args := []string{"apply"}
	if check {
		args = append(args, "--check")
	}
	cmd := exec.CommandContext(ctx, "git", append(args, p.File)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apply %s: %w\n%s", filepath.Base(p.File), err, out)
	}
	return nil
}

// test runs the named test in root and gives go test's output. It does not use
// cached results.
func (p *patch) test(ctx context.Context, root string) ([]byte, error) {
	pattern := "^" + strings.ReplaceAll(p.Test, "/", "$/^") + "$"
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=5m", "-tags", p.Tags, "-run", pattern, p.Package)
	cmd.Dir = root
	return cmd.CombinedOutput()
}
