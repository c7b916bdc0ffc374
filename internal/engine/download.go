package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// download runs npm pack in dir and returns the archive it left there. npm
// knows the user's registry, mirrors and proxies, so it is the one to ask.
func download(ctx context.Context, dir string, progress Progress) (string, error) {
	const offline = "on a machine that has npm run `npm pack %s@%s`, then here `spanmill fetch-engine --archive FILE.tgz`"
	elsewhere := fmt.Sprintf(offline, npmPackage, npmVersion)
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is needed to download it and was not found: install npm, or %s", elsewhere)
	}
	output := &tail{}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", npmPackage+"@"+npmVersion)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), "npm_config_cache="+filepath.Join(dir, "npm")) // kept here, removed with it
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with npm, which ends with ctx
	if err := watchDownload(ended, dir, progress); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("npm pack: %w: %s; without a network, %s", err, output, elsewhere)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(fmt.Errorf("npm pack left no archive: %s", output), err)
	}
	return found[0], nil
}

// downloadTick paces the progress of a download.
const downloadTick = 250 * time.Millisecond

// watchDownload reports the bytes that npm has put below dir so far, as npm
// itself says nothing, and returns npm's end.
func watchDownload(ended <-chan error, dir string, progress Progress) error {
	tick := time.NewTicker(downloadTick)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-tick.C:
			if progress != nil {
				progress("downloading", min(bytesBelow(dir), npmPackedBytes), npmPackedBytes)
			}
		}
	}
}

// bytesBelow sums the sizes of the files below dir, which come and go.
func bytesBelow(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // npm removed it meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
