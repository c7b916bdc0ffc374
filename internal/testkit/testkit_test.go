package testkit_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) { testkit.MainNoLeaks(m) }

// recorder stands in for a test whose failure is the expected outcome.
type recorder struct {
	testing.TB

	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; panic(r) }

// fails reports whether f failed the test it was given.
func fails(t *testing.T, f func(testing.TB)) bool {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		f(r)
	}()
	return r.failed
}

func TestGoldenWritesMissingFileButFails(t *testing.T) {
	t.Chdir(t.TempDir())
	if !fails(t, func(tb testing.TB) { testkit.Golden(tb, "a/b.txt", []byte("one\n")) }) {
		t.Error("a missing golden file passed")
	}
	if got, err := os.ReadFile("testdata/a/b.txt"); err != nil || string(got) != "one\n" {
		t.Errorf("written: %q, %v", got, err)
	}
	if fails(t, func(tb testing.TB) { testkit.Golden(tb, "a/b.txt", []byte("one\n")) }) {
		t.Error("an equal golden file failed")
	}
	if !fails(t, func(tb testing.TB) { testkit.Golden(tb, "a/b.txt", []byte("two\n")) }) {
		t.Error("a different golden file passed")
	}
}

func TestEventually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		testkit.Eventually(t, time.Minute, func() error {
			if time.Since(began) < time.Second {
				return errors.New("early")
			}
			return nil
		})
		never := func(tb testing.TB) {
			testkit.Eventually(tb, time.Minute, func() error { return errors.New("never") })
		}
		if !fails(t, never) {
			t.Error("what never happens passed")
		}
	})
}

func TestFreeAddrCanBeListenedOn(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", testkit.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
