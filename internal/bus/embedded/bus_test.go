package embedded_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanmill/spanmill/internal/bus/embedded"
	"github.com/spanmill/spanmill/internal/testkit"
)

// What was acknowledged outlives SIGKILL: records, and commits with metadata.
func TestSIGKILLLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want int
	for round := range 4 {
		b := startChild(t, dir)
		c := connect(t, b.addr)
		if round == 0 {
			c.createTopic(2, nil)
		} else if got, want := c.committed(), fmt.Sprintf("%d {\"v\":1,\"last\":%d}", round, round+1); got != want {
			t.Errorf("round %d: group holds %q, want %q", round, got, want)
		}
		for range 25 {
			if got := c.produce(0, fmt.Sprint(want)); got[0] != int64(want) {
				t.Fatalf("round %d: record %d was given offset %d", round, want, got[0])
			}
			want++
		}
		c.commit(int64(round+1), fmt.Sprintf("{\"v\":1,\"last\":%d}", round+2))
		b.kill()
	}
	b := open(t, config(dir), nil)
	for offset, value := range connect(t, b.Addr()).read(b.Addr(), 0, want) {
		if value != fmt.Sprint(offset) {
			t.Errorf("offset %d holds %q", offset, value)
		}
	}
}

// A log trimmed to nothing starts at 0 again in kfake; here it does not, after
// a kill as after a clean stop.
func TestOffsetsAreNeverIssuedTwice(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{true, false} {
		t.Run(fmt.Sprintf("killed=%v", killed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := startChild(t, dir)
			c := connect(t, b.addr)
			c.createTopic(2, nil)
			c.produce(0, "0", "1", "2", "3", "4")
			c.produce(1, "0", "1")
			c.commit(3, `{"v":1,"last":4}`) // an open intent of records 3 and 4
			c.deleteBefore(0, 5)
			c.cl.Close()
			if killed {
				b.kill()
			} else {
				b.close(t)
			}
			for round := range int64(3) { // stays so without a single new record
				b := open(t, config(dir), nil)
				c := connect(t, b.Addr())
				if start, end := c.bounds(0); start != 5 || end != 5 {
					t.Fatalf("round %d: log is [%d, %d), want [5, 5)", round, start, end)
				}
				if _, end := c.bounds(1); end != 2 {
					t.Errorf("the other partition ends at %d", end)
				}
				c.cl.Close()
				b.Close()
			}
			b2 := open(t, config(dir), nil)
			if got := connect(t, b2.Addr()).produce(0, "next"); got[0] != 5 {
				t.Errorf("next record has offset %d, want 5", got[0])
			}
		})
	}
}

// The tables have seen further than the log goes: its tail was lost.
func TestAFloorAboveTheLogIsSkippedTo(t *testing.T) {
	t.Parallel()
	for _, records := range []int{0, 3} {
		t.Run(fmt.Sprintf("%d records left", records), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := open(t, config(dir), nil)
			c := connect(t, b.Addr())
			c.createTopic(2, nil)
			for i := range records {
				c.produce(0, fmt.Sprint(i))
			}
			c.cl.Close()
			b.Close()

			lifted := open(t, config(dir), seen(1000))
			c = connect(t, lifted.Addr())
			if _, end := c.bounds(0); end != 1000 {
				t.Fatalf("log ends at %d, want 1000", end)
			}
			if got := c.produce(0, "next"); got[0] != 1000 {
				t.Errorf("next record has offset %d, want 1000", got[0])
			}
			got := c.read(lifted.Addr(), c.start(0), records+1)
			if len(got) != records+1 || got[1000] != "next" {
				t.Errorf("read %v", got)
			}
			c.cl.Close()
			lifted.Close()
			// And again: the filled log is an ordinary log.
			again := open(t, config(dir), nil)
			c = connect(t, again.Addr())
			if _, end := c.bounds(0); end != 1001 {
				t.Errorf("after another start the log ends at %d", end)
			}
			if got := c.read(again.Addr(), c.start(0), records+1); got[1000] != "next" {
				t.Errorf("read %v", got)
			}
		})
	}
}

func (c *client) start(partition int32) int64 {
	start, _ := c.bounds(partition)
	return start
}

// A batch that was being written when the power went is cut off.
func TestATornBatchIsCutOff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := startChild(t, dir)
	c := connect(t, b.addr)
	c.createTopic(1, nil)
	c.produce(0, "a", "b", strings.Repeat("c", 5000))
	c.cl.Close()
	b.kill()
	path := filepath.Join(dir, "partitions", topic+"-0", "0.dat")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-100); err != nil {
		t.Fatal(err)
	}
	again := open(t, config(dir), nil)
	c = connect(t, again.Addr())
	if got := c.produce(0, "d"); got[0] != 2 {
		t.Errorf("next record has offset %d, want 2", got[0])
	}
	got := c.read(again.Addr(), 0, 3)
	if got[0] != "a" || got[1] != "b" || got[2] != "d" {
		t.Errorf("read %v", got)
	}
}

func TestTwoProcessesCannotShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startChild(t, dir)
	_, err := embedded.Open(t.Context(), config(dir), embedded.Deps{Log: discard(), Reg: newRegistry()})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v", err)
	}
}

func TestStrayConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	b := open(t, config(t.TempDir()), nil)
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"\x00\x00\x00\x08\x7f\x00\x00\x00\x00\x00\x00\x00", // no such request
		"\x16\x03\x01\x02\x00\x01",                         // TLS
	} {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q was answered: %v", text, err)
		}
		conn.Close()
	}
	if err := connect(t, b.Addr()).ping(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTopicsAreNotCreatedByAccident(t *testing.T) {
	t.Parallel()
	b := open(t, config(t.TempDir()), nil)
	c := connect(t, b.Addr(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	r := &kgo.Record{Topic: "typo", Value: []byte("v")}
	if err := c.cl.ProduceSync(t.Context(), r).FirstErr(); err == nil {
		t.Error("a record for an unknown topic was accepted")
	}
}

// The budget is taken by what nobody has read: full. Read: history goes, the
// newest stays, nothing unread is touched.
func TestTheBudgetKeepsWhatIsUnread(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.SegmentBytes, cfg.MaxLogBytes, cfg.TrimInterval = 1<<20, 8<<20, 10*time.Millisecond
	b := open(t, cfg, nil)
	c := connect(t, b.Addr())
	c.createTopic(2, nil)
	c.commit(0, "")
	value := strings.Repeat("x", 1<<20)
	for !b.Full() {
		c.produce(0, value)
	}
	start, end := c.bounds(0)
	if start != 0 || end < 8 {
		t.Fatalf("unread log is [%d, %d)", start, end)
	}
	c.commit(end-2, "")
	testkit.Eventually(t, time.Minute, func() error {
		if start, _ := c.bounds(0); b.Full() || start == 0 {
			return fmt.Errorf("full: %v, log starts at %d", b.Full(), start)
		}
		return nil
	})
	if start, _ := c.bounds(0); start > end-2 {
		t.Errorf("log starts at %d though %d is committed", start, end-2)
	}
	if got := c.read(b.Addr(), end-2, 2); len(got) != 2 {
		t.Errorf("unread records: %d", len(got))
	}
}

func TestRetentionWaitsForTheReader(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir())
	cfg.SegmentBytes, cfg.TrimInterval = 1<<20, 10*time.Millisecond
	b := open(t, cfg, nil)
	c := connect(t, b.Addr())
	none := "0"
	c.createTopic(1, map[string]*string{"retention.ms": &none})
	value := strings.Repeat("x", 1<<20)
	offsets := c.produce(0, slices.Repeat([]string{value}, 6)...)
	if start, _ := c.bounds(0); start != 0 {
		t.Errorf("nothing is committed, yet the log starts at %d", start)
	}
	c.commit(4, "")
	testkit.Eventually(t, time.Minute, func() error {
		if start, _ := c.bounds(0); start != 4 {
			return fmt.Errorf("log starts at %d, want 4", start)
		}
		return nil
	})
	c.commit(int64(len(offsets)), "")
	testkit.Eventually(t, time.Minute, func() error {
		if start, _ := c.bounds(0); start != 5 {
			return fmt.Errorf("log starts at %d, want 5: the newest segment stays", start)
		}
		return nil
	})
}

func TestAWildcardAddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{":9092", "0.0.0.0:9092", "[::]:9092", "nonsense"} {
		cfg := config(t.TempDir())
		cfg.Listen = listen
		if cfg.Validate() == nil {
			t.Errorf("%q was accepted", listen)
		}
	}
}
