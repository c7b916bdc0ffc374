//go:build !unix

package embedded

import "os"

// lockDir only marks the directory: there is no flock here.
func lockDir(dir string) (*os.File, error) {
	return os.OpenFile(lockPath(dir), os.O_CREATE|os.O_RDWR, 0o644)
}

func unlockDir(f *os.File) error { return f.Close() }
