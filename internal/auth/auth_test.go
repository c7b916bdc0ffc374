package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func keysFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func entryFor(sha, tenant, rights string) string {
	return fmt.Sprintf("- sha256: %s\n  tenant: %s\n  rights: [%s]\n", sha, tenant, rights)
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	writer, writerSHA := NewKey()
	reader, readerSHA := NewKey()
	keys, err := Load(keysFile(t, entryFor(writerSHA, "acme", "write")+entryFor(readerSHA, "beta", "read, write")),
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	acme, beta := Identity{Tenant: "acme", Rights: Write}, Identity{Tenant: "beta", Rights: Read | Write}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anyone:"+writer))
	for _, tt := range []struct {
		name, authorization, apiKey string
		want                        Identity
		err                         error
	}{
		{"bearer", "Bearer " + writer, "", acme, nil},
		{"bearer, any case and spaces", " bearer  " + writer + " ", "", acme, nil},
		{"basic: the password", basic, "", acme, nil},
		{"x-api-key", "", reader, beta, nil},
		{"bearer before x-api-key", "Bearer " + writer, reader, acme, nil},
		{"an unknown scheme leaves x-api-key", "Digest x", reader, beta, nil},
		{"nothing", "", "", Identity{}, ErrMissing},
		{"bearer without a key", "Bearer ", "", Identity{}, ErrMissing},
		{"broken basic", "Basic ???", "", Identity{}, ErrMissing},
		{"unknown", "Bearer sm_guess", "", Identity{}, ErrUnknown},
		{"the hash is no key", "Bearer " + writerSHA, "", Identity{}, ErrUnknown},
	} {
		got, err := keys.Authenticate(tt.authorization, tt.apiKey)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}
	if acme.May(Read) || !acme.May(Write) || acme.May(Read|Write) {
		t.Error("May: a write key may write only")
	}
}

func TestAnonymousIsTheDefaultTenant(t *testing.T) {
	t.Parallel()
	id, err := Anonymous().Authenticate("Bearer whatever", "")
	if err != nil || id.Tenant != "default" || !id.May(Read|Write) {
		t.Errorf("Authenticate: %+v, %v", id, err)
	}
	if Anonymous().Required() {
		t.Error("keys required though there are none")
	}
}

func TestLoadRefusesAndNeverQuotesContent(t *testing.T) {
	t.Parallel()
	key, sha := NewKey()
	for name, tt := range map[string]struct{ content, want string }{
		"empty":          {"", "write [] to refuse every key"},
		"not a list":     {"keys: " + key, "not a YAML list"},
		"unknown field":  {"- key: " + key + "\n  tenant: a\n", "not a YAML list of {sha256, tenant, rights, name}"},
		"wrong type":     {"- sha256: [" + key + "]\n", "not a YAML list"},
		"key, not hash":  {entryFor(key, "acme", "write"), "key 1: sha256 must be 64 hexadecimal digits"},
		"no tenant":      {entryFor(sha, "''", "write"), "key 1: tenant must be"},
		"bad tenant":     {entryFor(sha, "a b", "write"), "key 1: tenant must be"},
		"no rights":      {entryFor(sha, "a", ""), "key 1: a key without rights"},
		"unknown right":  {entryFor(sha, "a", "admin"), "key 1: rights are write and read"},
		"twice":          {entryFor(sha, "a", "read") + entryFor(strings.ToUpper(sha), "b", "read"), "key 2: its sha256 occurs before"},
		"two documents":  {entryFor(sha, "a", "read") + "---\n[]\n", "more than one YAML document"},
		"too large":      {strings.Repeat("#", maxFileBytes+1), "is larger than"},
		"broken at line": {"- sha256: \"" + key, "not a YAML list"},
	} {
		_, err := Load(keysFile(t, tt.content), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), key[:10]) || strings.Contains(strings.ToLower(err.Error()), sha[:10])) {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestReload(t *testing.T) {
	first, firstSHA := NewKey()
	second, secondSHA := NewKey()
	path := keysFile(t, entryFor(firstSHA, "acme", "write"))
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		keys, err := Load(path, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keys.Run(ctx) }()
		<-keys.Ready()
		rewrite := func(content string) {
			t.Helper()
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * reloadInterval)
			synctest.Wait()
		}
		knows := func(key string) bool {
			_, err := keys.Authenticate("Bearer "+key, "")
			return err == nil
		}
		rewrite(entryFor(secondSHA, "acme", "write"))
		if knows(first) || !knows(second) {
			t.Error("a changed file did not replace the keys")
		}
		rewrite("- broken")
		if !knows(second) {
			t.Error("a broken file ended the keys in force")
		}
		rewrite("[]")
		if knows(second) || !keys.Required() {
			t.Error("an empty list must refuse every key")
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := strings.Count(logged.String(), "cannot be used"); n != 1 {
			t.Errorf("the broken file was logged %d times, want once:\n%s", n, logged.String())
		}
	})
}

func TestCheckBind(t *testing.T) {
	t.Parallel()
	loopback := []string{"127.0.0.1:4318", "localhost:0", "[::1]:4317"}
	for _, tt := range []struct {
		addrs              []string
		haveKeys, insecure bool
		ok                 bool
	}{
		{loopback, false, false, true},
		{append(loopback, "0.0.0.0:4318"), false, false, false},
		{[]string{":4318"}, false, false, false},
		{[]string{"[::]:4318"}, false, false, false},
		{[]string{"10.0.0.1:4318"}, false, false, false},
		{[]string{"localhost.evil.example:4318"}, false, false, false},
		{[]string{":4318"}, true, false, true},
		{[]string{":4318"}, false, true, true},
	} {
		err := CheckBind(tt.addrs, tt.haveKeys, tt.insecure)
		if (err == nil) != tt.ok {
			t.Errorf("CheckBind(%q, keys %v, insecure %v): %v", tt.addrs, tt.haveKeys, tt.insecure, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "--insecure-no-auth") || !strings.Contains(err.Error(), "SPANMILL_API_KEYS_FILE")) {
			t.Errorf("the message does not say what to do: %v", err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	key, sha := NewKey()
	path := filepath.Join(b.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(entryFor(sha, "acme", "write")), 0o600); err != nil {
		b.Fatal(err)
	}
	keys, err := Load(path, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	header := "Bearer " + key
	b.ReportAllocs()
	for b.Loop() {
		if _, err := keys.Authenticate(header, ""); err != nil {
			b.Fatal(err)
		}
	}
}
