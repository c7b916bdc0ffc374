package faults_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
	"github.com/spanmill/spanmill/tests/kafka"
)

// volume is where ClickHouse keeps its tables, and how it gets full and empty.
type volume struct{ fill, free func() }

// volumeBytes is enough for what a test stores, with room to merge it, beside
// what the engine keeps free. The other files leave some of that: to stop before
// a volume is full to the last byte is the engine's business.
const (
	volumeBytes = 512 << 20
	leftBytes   = 64 << 20
)

// smallVolume puts the tables on a volume of their own, which somebody else's
// file fills. Only root may mount one.
func smallVolume(t *testing.T, ch *kafka.ClickHouse) (volume, error) {
	t.Helper()
	dir := ch.Dir().Tables()
	ch.Stop()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", volumeBytes))
	ch.Restart(t)
	if err != nil {
		return volume{}, fmt.Errorf("mount a small volume: %w", err)
	}
	t.Cleanup(func() {
		ch.Stop()
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
		ch.Restart(t)
	})
	filler := filepath.Join(dir, "filler")
	return volume{
		fill: func() { fill(t, filler) },
		free: func() {
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		},
	}, nil
}

// fill writes a file until no more than leftBytes are free.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	chunk := make([]byte, 1<<20)
	for {
		var stat syscall.Statfs_t
		if err := syscall.Statfs(path, &stat); err != nil {
			t.Fatal(err)
		}
		if stat.Bavail*uint64(stat.Bsize) <= leftBytes {
			return
		}
		if _, err := file.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
}

// reserve is a setting by which ClickHouse leaves more of its volume alone than
// there is.
const reserve = `<clickhouse><storage_configuration><disks><default>
<keep_free_space_bytes>4611686018427387904</keep_free_space_bytes>
</default></disks></storage_configuration></clickhouse>
`

// reservedVolume is the way for those who may not mount: settings beside
// ClickHouse's own, read when it starts.
func reservedVolume(t *testing.T, ch *kafka.ClickHouse) volume {
	t.Helper()
	path := filepath.Join(filepath.Dir(ch.Dir().Config()), "config.d", "reserve.xml")
	return volume{
		fill: func() {
			err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(reserve), 0o600))
			if err != nil {
				t.Fatal(err)
			}
			killClickHouse(t, ch)
		},
		free: func() {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			killClickHouse(t, ch)
		},
	}
}

// testDiskFull fills a small volume or, where none may be mounted, what stands
// in for it.
func testDiskFull(t *testing.T, site *kafka.Site, full time.Duration, rate float64) {
	v, err := smallVolume(t, site.ClickHouse)
	if err != nil {
		t.Logf("a setting of ClickHouse stands in for a small volume: %v", err)
		v = reservedVolume(t, site.ClickHouse)
	}
	testVolume(t, site, v, full, rate)
}

// testVolume: while there is no room for another row the log grows, nobody is
// refused, and inserts are tried for ever.
func testVolume(t *testing.T, site *kafka.Site, v volume, full time.Duration, rate float64) {
	c := newCrew(t, site.Plant(t, "classic"), 2)
	l := startLoad(t, c.OTLPHTTP, rate)
	l.awaitStored(t, site)
	v.fill()
	before := c.retries(t)
	harness.Eventually(t, func() error {
		if n := c.retries(t) - before; n < 8 {
			return fmt.Errorf("%d inserts failed", n)
		}
		return nil
	})
	pause(t, full, full)
	t.Logf("%d inserts failed, such as: %s", c.retries(t)-before, noSpace.FindString(c.writers[0].Log()+c.writers[1].Log()))
	if !noSpace.MatchString(c.writers[0].Log() + c.writers[1].Log()) {
		t.Error("no writer says that the space is gone")
	}
	v.free()
	l.stop(t)
	l.exact(t, c.place())
	c.refusedNothing(t)
	c.end(t)
}

// noSpace is what ClickHouse says: code 243, or the system's own words.
var noSpace = regexp.MustCompile(`(?i)code 243[^"]{0,80}|no space left on device|not enough space`)

// awaitStored waits for the first rows.
func (l *load) awaitStored(t *testing.T, site *kafka.Site) {
	t.Helper()
	harness.Eventually(t, func() error {
		rows, err := site.Addresses().Query(t.Context(), "SELECT count() FROM spans")
		if err == nil && rows == "0" {
			err = errors.New("no row is stored")
		}
		return err
	})
}

var retriesLine = regexp.MustCompile(`(?m)^spanmill_writer_insert_retries_total\{class="store"\} (\d+)$`)

// retries is how many inserts the writers had to try again.
func (c *crew) retries(t *testing.T) (sum int) {
	t.Helper()
	for _, w := range c.writers {
		for _, m := range retriesLine.FindAllStringSubmatch(w.Metrics(t), -1) {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}
