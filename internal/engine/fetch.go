package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// npmPackage and npmVersion are where the library comes from. The exact
	// version is the one this package's settings were tried on.
	npmPackage = "@chdb/lib-linux-x64-gnu"
	npmVersion = "26.7.3-stable.1"
	// npmIntegrity is the registry's checksum of the packed archive.
	npmIntegrity = "sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw=="
	// npmPackedBytes is its size, for the progress of the download.
	npmPackedBytes = 177817999

	libName = "libchdb.so"
)

// ErrNotFetched means that the library is neither where it was said to be nor
// in the cache.
var ErrNotFetched = errors.New("the ClickHouse engine library is not here: run `spanmill fetch-engine` (178 MB, once)")

// FetchOptions says where the library may be.
type FetchOptions struct {
	// LibPath is a library to use as it is, unchecked; the user's own choice.
	LibPath string
	// CacheDir keeps the unpacked library; empty is the user's cache folder.
	CacheDir string
	// Archive is a packed library (.tgz) on this machine, to use instead of
	// downloading it.
	Archive string
}

// Progress is told what a fetch is doing ("downloading", "unpacking") and how
// many bytes of how many are done.
type Progress func(step string, done, total int64)

// Find returns the library if it is already on this machine.
func Find(opts FetchOptions) (string, error) {
	if opts.LibPath != "" {
		if err := isFile(opts.LibPath); err != nil {
			return "", fmt.Errorf("engine library: %w", err)
		}
		return filepath.Abs(opts.LibPath)
	}
	cached, err := cachePath(opts.CacheDir)
	if err != nil {
		return "", err
	}
	if err := isFile(cached); err != nil {
		return "", fmt.Errorf("%w; looked at %s", ErrNotFetched, cached)
	}
	return cached, nil
}

// Fetch returns the library, and brings it into the cache if it is not on this
// machine: from opts.Archive, else by npm. What comes in is compared with the
// checksum this binary knows before it is put where Find looks.
func Fetch(ctx context.Context, opts FetchOptions, progress Progress) (string, error) {
	if err := Supported(); err != nil {
		return "", err
	}
	if lib, err := Find(opts); err == nil || opts.LibPath != "" {
		return lib, err
	}
	cached, err := cachePath(opts.CacheDir)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(cached)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("engine cache: %w", err)
	}
	archive := opts.Archive
	if archive == "" {
		tmp, err := os.MkdirTemp(dir, "download-*")
		if err != nil {
			return "", fmt.Errorf("engine cache: %w", err)
		}
		defer os.RemoveAll(tmp)
		if archive, err = download(ctx, tmp, progress); err != nil {
			return "", fmt.Errorf("download the engine: %w", err)
		}
	}
	if err := unpack(ctx, unpacking{archive: archive, integrity: npmIntegrity, target: cached}, progress); err != nil {
		return "", fmt.Errorf("unpack the engine from %s: %w", archive, err)
	}
	return cached, nil
}

// cachePath is where this version of the library is kept.
func cachePath(dir string) (string, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("engine cache: %w", err)
		}
		dir = filepath.Join(user, "spanmill")
	}
	return filepath.Join(dir, "engine", npmVersion, libName), nil
}

func isFile(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a file")}
	}
	return err
}
