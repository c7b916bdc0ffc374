package engine

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// unpacking is one archive on its way into the cache.
type unpacking struct {
	archive   string // a packed npm package
	integrity string // what it must hash to, as npm writes it
	target    string // where the library goes
}

// ErrIntegrity means that an archive is not the one this binary knows.
var ErrIntegrity = errors.New("checksum does not match")

// unpack streams the library out of the archive and hashes the archive on the
// way, so both happen in one pass and nothing but the library is written. The
// library appears at its target only whole and only if the hash is right.
func unpack(ctx context.Context, u unpacking, progress Progress) (err error) {
	in, err := os.Open(u.archive)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	hash := sha512.New()
	packed := io.TeeReader(&counting{r: in, stopped: ctx.Err, total: st.Size(), step: "unpacking", progress: progress}, hash)

	out, err := os.CreateTemp(filepath.Dir(u.target), libName+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(out.Name())
		}
	}()
	extracted := extract(packed, out)
	// The hash covers what tar and gzip leave unread, and decides first: a
	// damaged archive may fail to unpack in any way.
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return errors.Join(err, out.Close())
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(hash.Sum(nil)); got != u.integrity {
		return errors.Join(fmt.Errorf("%w: this archive has %s, %s %s has %s", ErrIntegrity, got, npmPackage, npmVersion, u.integrity), out.Close())
	}
	if err := errors.Join(extracted, out.Chmod(0o755), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), u.target)
}

// maxLibBytes bounds what an archive may unpack to before its hash is known.
// The library has 540 MiB.
const maxLibBytes = 1024 * mib

// extract copies the library out of a packed npm package.
func extract(packed io.Reader, out io.Writer) error {
	unzipped, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("no %s in it", libName)
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || path.Base(header.Name) != libName {
			continue
		}
		if header.Size > maxLibBytes {
			return fmt.Errorf("%s of %d MiB is not the one we know", libName, header.Size/mib)
		}
		_, err = io.CopyN(out, archive, header.Size)
		return err
	}
}

// counting reports progress while it reads, and stops when stopped says why.
type counting struct {
	r           io.Reader
	stopped     func() error
	done, total int64
	step        string
	progress    Progress
}

func (c *counting) Read(p []byte) (int, error) {
	if err := c.stopped(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.progress != nil {
		c.progress(c.step, c.done, c.total)
	}
	return n, err
}
