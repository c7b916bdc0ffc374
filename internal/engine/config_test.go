package engine

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	valid := Default()
	valid.LibPath, valid.DataDir = "lib", "dir"
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*Config){
		"no library path":             func(c *Config) { c.LibPath = "" },
		"no data directory":           func(c *Config) { c.DataDir = "" },
		"is not a loopback":           func(c *Config) { c.HTTPAddr, c.TCPAddr = "0.0.0.0:8123", "0.0.0.0:9000" },
		"need one host":               func(c *Config) { c.TCPAddr = "[::1]:0" },
		"missing port":                func(c *Config) { c.TCPAddr = "127.0.0.1" },
		"below the least it works":    func(c *Config) { c.MaxMemoryBytes = 100 * mib },
		"must not be negative":        func(c *Config) { c.KeepFreeBytes = -1 },
		"times must be above zero":    func(c *Config) { c.StopTimeout = 0 },
		`"localhost:0" is not a loop`: func(c *Config) { c.HTTPAddr = "localhost:0" },
	} {
		c := valid
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// A data directory may have any name.
func TestTemplatesAreXML(t *testing.T) {
	s := settings{LogFile: "/a&b/<c>", UsersFile: `/"d"/`, Host: "::1", User: User}
	for _, text := range []string{configTemplate, usersTemplate} {
		body, err := render(text, s)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(strings.NewReader(string(body)))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}
