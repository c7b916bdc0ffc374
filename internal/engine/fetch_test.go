package engine

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack makes a small npm package and returns its path and integrity.
func pack(t *testing.T, files map[string]string) (path, integrity string) {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for name, body := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body)), Mode: 0o644}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(packed.Bytes())
	return path, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestUnpack(t *testing.T) {
	path, integrity := pack(t, map[string]string{"package/libchdb.so": "the library", "package/index.js": "not wanted"})
	target := filepath.Join(t.TempDir(), libName)
	var done, total int64
	progress := func(_ string, d, n int64) { done, total = d, n }
	if err := unpack(t.Context(), unpacking{path, integrity, target}, progress); err != nil {
		t.Fatal(err)
	}
	if body, err := os.ReadFile(target); err != nil || string(body) != "the library" {
		t.Errorf("got %q, %v", body, err)
	}
	if done == 0 || done != total {
		t.Errorf("progress ended at %d of %d", done, total)
	}
}

// Whatever goes wrong, the cache must look as if nothing had been tried.
func TestUnpackRefuses(t *testing.T) {
	good, integrity := pack(t, map[string]string{"package/libchdb.so": "the library"})
	without, withoutIntegrity := pack(t, map[string]string{"package/index.js": "no library"})
	truncated := filepath.Join(t.TempDir(), "truncated.tgz")
	body, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(truncated, body[:len(body)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx       context.Context
		path      string
		integrity string
		says      string
	}{
		"another archive": {t.Context(), good, npmIntegrity, ErrIntegrity.Error()},
		"a truncated one": {t.Context(), truncated, integrity, ErrIntegrity.Error()},
		"no library":      {t.Context(), without, withoutIntegrity, "no libchdb.so in it"},
		"no archive":      {t.Context(), good + "x", integrity, "no such file"},
		"interrupted":     {stopped, good, integrity, context.Canceled.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			err := unpack(c.ctx, unpacking{c.path, c.integrity, filepath.Join(dir, libName)}, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

func TestFetchRefusesAStrangersArchive(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skip(err)
	}
	path, _ := pack(t, map[string]string{"package/libchdb.so": "a trap"})
	opts := FetchOptions{CacheDir: t.TempDir(), Archive: path}
	if _, err := Fetch(t.Context(), opts, nil); !errors.Is(err, ErrIntegrity) {
		t.Errorf("got %v, want %v", err, ErrIntegrity)
	}
	if _, err := Find(opts); !errors.Is(err, ErrNotFetched) {
		t.Errorf("got %v, want %v", err, ErrNotFetched)
	}
}

func TestFetchWithoutNPM(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skip(err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err := Fetch(t.Context(), FetchOptions{CacheDir: t.TempDir()}, nil)
	if err == nil || !strings.Contains(err.Error(), "install npm") || !strings.Contains(err.Error(), "--archive") {
		t.Errorf("got %v, want what to do without npm", err)
	}
}

// npm is there but cannot reach its registry.
func TestFetchOffline(t *testing.T) {
	if err := Supported(); err != nil {
		t.Skip(err)
	}
	bin, cache := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\necho npm error code ENOTFOUND >&2\nexit 1\n"
	if err := os.WriteFile(bin+"/npm", []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	_, err := Fetch(t.Context(), FetchOptions{CacheDir: cache}, nil)
	if err == nil || !strings.Contains(err.Error(), "ENOTFOUND") || !strings.Contains(err.Error(), "--archive") {
		t.Errorf("got %v, want npm's reason and another way", err)
	}
	if left, err := filepath.Glob(cache + "/engine/*/*"); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestFind(t *testing.T) {
	cache := t.TempDir()
	path, err := cachePath(cache)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(FetchOptions{CacheDir: cache}); err != nil || got != path {
		t.Errorf("cached: got %q, %v", got, err)
	}
	// A path that was asked for is used or refused, never replaced.
	if _, err := Find(FetchOptions{CacheDir: cache, LibPath: path + "x"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("explicit: got %v, want %v", err, fs.ErrNotExist)
	}
	if got, err := Find(FetchOptions{LibPath: path}); err != nil || got != path {
		t.Errorf("explicit: got %q, %v", got, err)
	}
}

func TestUnsupportedSaysTheWaysOn(t *testing.T) {
	err := unsupported("plan9/mips")
	for _, says := range []string{"plan9/mips", "--clickhouse URL", "docker compose"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not name %q", err, says)
		}
	}
}
