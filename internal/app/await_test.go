package app

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatiently: an answer that comes late is taken, and what never answers is
// given up with its own error.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		got, err := patiently(t.Context(), time.Minute, func() (int, error) {
			if asked++; asked < 4 {
				return 0, errors.New("connection reset")
			}
			return 7, nil
		})
		if got != 7 || err != nil || asked != 4 {
			t.Errorf("%d, %v after %d questions", got, err, asked)
		}
		began, gone := time.Now(), errors.New("gone")
		_, err = patiently(t.Context(), time.Minute, func() (int, error) { return 0, gone })
		if took := time.Since(began); !errors.Is(err, gone) || took != time.Minute {
			t.Errorf("%v after %s", err, took)
		}
	})
}
