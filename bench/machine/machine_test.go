package machine

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spanmill/spanmill/internal/testkit"
)

func TestMain(m *testing.M) { testkit.MainNoLeaks(m) }

func TestWhatProcSays(t *testing.T) {
	t.Parallel()
	const stat = "4711 (a) name (x) S 1 4711 4711 0 -1 4194304 100 200 0 0 1234 66 7 8 20 0 12 0 99 1000000 500\n"
	if got, err := parseStat(stat); err != nil || got != 13*time.Second {
		t.Errorf("CPU time %v, %v, want 13s", got, err)
	}
	const busy = "cpu  100 20 300 9000 50 6 7 8 1 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
	if got, err := parseBusy(busy); err != nil || got != 4410*time.Millisecond {
		t.Errorf("busy %v, %v, want 4.41s", got, err)
	}
	const peak = "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"
	if got, err := parsePeak(peak); err != nil || got != 2<<20 {
		t.Errorf("peak %d, %v, want 2 MiB", got, err)
	}
	for name, err := range map[string]error{
		"stat": second(parseStat("4711 (x")), "busy": second(parseBusy("intr 1 2 3")), "peak": second(parsePeak("VmRSS: 1 kB")),
	} {
		if err == nil {
			t.Errorf("%s: nonsense was read", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestOwnProcess reads what this very process cost, and what it held.
func TestOwnProcess(t *testing.T) {
	t.Parallel()
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for after := before; after < before+3*tick; { // works until the kernel has noticed
		if after, err = CPU(os.Getpid()); err != nil || ctx.Err() != nil {
			t.Fatalf("a minute of work is %s: %v", after-before, err)
		}
	}
	held := make([]byte, 64<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	peak, err := Peak(os.Getpid())
	if err != nil || peak < int64(len(held)) {
		t.Errorf("peak is %d bytes with 64 MiB in use, %v", peak, err)
	}
	if busy, err := Busy(); err != nil || busy < before {
		t.Errorf("all together worked %s, this process alone %s, %v", busy, before, err)
	}
	if err := ResetPeak(os.Getpid()); err != nil {
		t.Error(err)
	}
	held[0]++
}

func TestProcessesAreStartedAndStopped(t *testing.T) {
	t.Parallel()
	p, err := Start(t.Context(), Command{Path: "sh", Args: []string{"-c", "echo $WORD; exec sleep 100"}, Env: []string{"WORD=here"}}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, time.Minute, func() error {
		if got := p.LastWords(); got != "here\n" {
			return errors.New("it said " + got)
		}
		return nil
	})
	if p.Ended() {
		t.Error("it ended by itself")
	}
	p.Stop()
	if !p.Ended() {
		t.Error("it runs after Stop")
	}
	_, err = Start(t.Context(), Command{Path: "sh", Args: []string{"-c", "echo no such thing; exit 1"}, Ready: "http://127.0.0.1:1/"}, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("a program that ends at once: %v, want its last words", err)
	}
}

func TestVersionIsInTheClasspath(t *testing.T) {
	t.Parallel()
	if got := kafkaVersion("/m/kafka-clients-4.4.0.jar:/m/kafka_2.13-4.4.0.jar:/m/x.jar"); got != "4.4.0" {
		t.Errorf("version %q", got)
	}
}
