package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return fmt.Errorf("find the tree: %w", err)
	}
	root := strings.TrimSpace(string(top))
	list, err := patches(filepath.Join(root, "tests", "mutants"))
	if err != nil {
		return err
	}
	if len(os.Args) > 1 { // only patches whose file name contains the argument
		list = slices.DeleteFunc(list, func(p patch) bool { return !strings.Contains(filepath.Base(p.File), os.Args[1]) })
	}
	var survivors []error
	fmt.Printf("%-9s %6s  %-45s %s\n", "RESULT", "TIME", "TEST", "MUTANT")
	for _, p := range list {
		began := time.Now()
		result := "killed"
		if err := kill(ctx, root, &p); err != nil {
			result = "SURVIVED"
			survivors = append(survivors, fmt.Errorf("\n%s (%s):\n%w", filepath.Base(p.File), p.Mutant, err))
		}
		fmt.Printf("%-9s %5.0fs  %-45s %s\n", result, time.Since(began).Seconds(), p.Package+" "+p.Test, p.Mutant)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(survivors) > 0 {
		return fmt.Errorf("%d of %d survived\n%w", len(survivors), len(list), errors.Join(survivors...))
	}
	fmt.Printf("%d of %d killed\n", len(list), len(list))
	return nil
}

// kill gives nil when the patch's test is green without it and red with it.
func kill(ctx context.Context, root string, p *patch) error {
	dir, err := os.MkdirTemp("", "spanmill-mutant-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copyTree(ctx, root, dir); err != nil {
		return err
	}
	if out, err := p.test(ctx, dir); err != nil {
		return fmt.Errorf("the test is red without the patch: %w\n%s", err, out)
	}
	if err := p.apply(ctx, dir, false); err != nil {
		return err
	}
	out, err := p.test(ctx, dir)
	switch {
	case err == nil:
		return errors.New("the test stays green with the bug in place")
	case ctx.Err() != nil:
		return ctx.Err()
	case !bytes.Contains(out, []byte("--- FAIL: ")):
		return fmt.Errorf("no test failed, something else did:\n%s", out)
	}
	return nil
}

// copyTree copies what is or would be committed, as it is on disk.
func copyTree(ctx context.Context, from, to string) error {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the tree: %w", err)
	}
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		if err := copyFile(filepath.Join(from, string(name)), filepath.Join(to, string(name))); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil // deleted, not yet committed
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}
