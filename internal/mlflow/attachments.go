package mlflow

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"sync"
	"time"
)

// attachments is a bounded folder of files: <tenant>/<trace>/<file>. Gateways may
// share it, on a file system that all of them see: files are written beside their
// place and moved there whole, and the folder is measured again now and then.
type attachments struct {
	dir string // "" : there is none
	max int64

	mu       sync.Mutex // requests meet here, for the sum only
	used     int64
	measured time.Time
}

// measureEvery is how long a measure of the folder is used, our own files added.
const measureEvery = time.Minute

// root opens the folder. Nothing below can be reached outside of it.
func (a *attachments) root() (*os.Root, error) {
	if a.dir == "" {
		return nil, &Error{Status: http.StatusBadRequest, Reason: reasonNoFolder, Message: "no folder for attachments is configured (--mlflow-artifacts)"}
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, folderError(err)
	}
	r, err := os.OpenRoot(a.dir)
	if err != nil {
		return nil, folderError(err)
	}
	return r, nil
}

func folderError(err error) *Error {
	return later(reasonFolder, "the folder of attachments cannot be used at the moment", err)
}

// folder is where the files of a trace are. An id that is . or .. is one too.
func (a artifact) folder(tenant string) string {
	return path.Join(tenant, "trace-"+url.PathEscape(a.trace))
}

func (a *attachments) put(tenant string, file artifact, content []byte) error {
	r, err := a.root()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.reserve(r, int64(len(content))); err != nil {
		return err
	}
	folder := file.folder(tenant)
	temporary := path.Join(folder, ".new-"+rand.Text())
	if err = r.MkdirAll(folder, 0o700); err == nil {
		err = r.WriteFile(temporary, content, 0o600)
	}
	if err == nil {
		err = r.Rename(temporary, path.Join(folder, file.file))
	}
	if err != nil {
		err = errors.Join(err, r.Remove(temporary))
		return folderError(err)
	}
	return nil
}

// reserve takes bytes of the folder's bound.
func (a *attachments) reserve(r *os.Root, n int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.measured) > measureEvery || a.used+n > a.max {
		used, err := measure(r)
		if err != nil {
			return folderError(err)
		}
		a.used, a.measured = used, now
	}
	if a.used+n > a.max {
		return &Error{Status: http.StatusRequestEntityTooLarge, Reason: reasonFull, Message: "the folder of attachments is full"}
	}
	a.used += n
	return nil
}

// measure sums up the files. One that goes away meanwhile does not count.
func measure(r *os.Root) (used int64, err error) {
	err = fs.WalkDir(r.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err == nil {
			used += info.Size()
		}
		return ignoreMissing(err)
	})
	return used, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (a *attachments) get(tenant string, file artifact) ([]byte, error) {
	r, err := a.root()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := r.ReadFile(path.Join(file.folder(tenant), file.file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing("No such artifact: '" + file.path() + "'")
	case err != nil:
		return nil, folderError(err)
	}
	return content, nil
}

func (a *attachments) remove(tenant string, file artifact) error {
	r, err := a.root()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := ignoreMissing(r.Remove(path.Join(file.folder(tenant), file.file))); err != nil {
		return folderError(err)
	}
	return nil
}
