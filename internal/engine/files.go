package engine

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed config.xml.tmpl
var configTemplate string

//go:embed users.xml.tmpl
var usersTemplate string

// reservedBytes of the limit are kept from the server. It counts the whole
// process, this binary and the library's code included, but looks only every
// 50 ms.
const reservedBytes = 128 * mib

// settings is what the two templates need.
type settings struct {
	LogFile        string
	UsersFile      string
	Host           string
	HTTPPort       string
	TCPPort        string
	ServerMemory   int64 // bytes, as are the next three
	MergeMemory    int64
	QueryMemory    int64
	KeepFree       int64
	User           string
	PasswordSHA256 string
}

// writeFiles puts the configuration into the data directory for the child to
// read. The files hold no secret but a hash of the password.
func writeFiles(dir Dir, cfg Config, at Endpoint) error {
	server := cfg.MaxMemoryBytes - reservedBytes
	s := settings{
		LogFile:        dir.log(),
		UsersFile:      dir.users(),
		ServerMemory:   server,
		MergeMemory:    server / 2,
		QueryMemory:    server / 4 * 3,
		KeepFree:       cfg.KeepFreeBytes,
		User:           at.User,
		PasswordSHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(at.Password))),
	}
	var err error
	if s.Host, s.HTTPPort, err = net.SplitHostPort(at.HTTPAddr); err != nil {
		return err
	}
	if _, s.TCPPort, err = net.SplitHostPort(at.TCPAddr); err != nil {
		return err
	}
	for path, text := range map[string]string{dir.Config(): configTemplate, dir.users(): usersTemplate} {
		body, err := render(text, s)
		if err != nil {
			return err
		}
		if err := replaceFile(path, body); err != nil {
			return err
		}
	}
	return nil
}

func render(text string, s settings) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{"xml": escapeXML}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, s)
	return b.Bytes(), err
}

func escapeXML(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	return b.String(), err
}

// loadPassword returns the password of this data directory, made up when the
// directory is new (E3).
func loadPassword(dir Dir) (string, error) {
	b, err := os.ReadFile(dir.password())
	if err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	return password, replaceFile(dir.password(), []byte(password+"\n"))
}

// replaceFile writes a file that only its owner can read, whole or not at
// all.
func replaceFile(path string, body []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
