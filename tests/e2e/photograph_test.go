package e2e_test

import (
	"context"
	"errors"
	"html"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanmill/spanmill/tests/e2e/harness"
)

// shown is a row of the report as Chromium has it.
type shown struct{ metric, name, now, of, between, before, beforeOf, change string }

// markdown is the row in the report that is text.
func (s shown) markdown() string {
	return "| " + s.name + " (`" + s.metric + "`) | " + strings.Join([]string{s.now, s.of, s.between, s.before, s.beforeOf, s.change}, " | ") + " |"
}

var shownRow = regexp.MustCompile(`<tr data-metric="([a-z0-9_]+)"><td>([^<]*) <code>([a-z0-9_]+)</code></td><td class="now">([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td><td>([^<]*)</td></tr>`)

// photographed opens the report's page in Chromium, leaves a photograph of it
// among what is built, bin/photographs, and gives the rows that are on it.
func photographed(t *testing.T, file string) (rows []shown) {
	t.Helper()
	root := harness.Root(t)
	here := filepath.Join(root, "tests", "e2e", "browser")
	modules, err := exec.CommandContext(t.Context(), filepath.Join(root, "scripts", "node-env.sh"), here).Output()
	if err != nil {
		t.Fatalf("install Chromium: %v", err)
	}
	picture := filepath.Join(root, "bin", "photographs", "report.png")
	if err := errors.Join(os.RemoveAll(picture), os.MkdirAll(filepath.Dir(picture), 0o755)); err != nil { // that of an earlier run
		t.Fatal(err)
	}
	dom := inChromium(t, filepath.Join(here, "photograph.mjs"), strings.TrimSpace(string(modules)), file, picture)
	for _, m := range shownRow.FindAllStringSubmatch(dom, -1) {
		for i := range m {
			m[i] = html.UnescapeString(m[i])
		}
		rows = append(rows, shown{metric: m[1], name: m[2], now: m[4], of: m[5], between: m[6], before: m[7], beforeOf: m[8], change: m[9]})
	}
	if all := strings.Count(dom, "<tr data-metric="); len(rows) != all {
		t.Errorf("%d of %d rows of the page are not as the others", all-len(rows), all)
	}
	if bars := strings.Count(dom, "<rect"); bars < 40 {
		t.Errorf("%d bars on the page, want seven for each of six charts", bars)
	}
	isPicture(t, picture)
	return rows
}

// browserPatience is how long Chromium may take, all in all.
const browserPatience = 90 * time.Second

// inChromium runs a program of Node.js that drives Chromium, and gives what it
// prints. None of their processes is left when it returns.
func inChromium(t *testing.T, program ...string) (out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	defer cancel()
	command := exec.CommandContext(ctx, "node", program...)
	command.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	command.Stderr = t.Output()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	all := func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.Cancel, command.WaitDelay = all, 5*time.Second
	said, err := command.Output()
	if command.Process != nil {
		_ = all() // mostly there is none any more
	}
	if err != nil {
		t.Fatalf("open the report in Chromium: %v", errors.Join(err, context.Cause(ctx)))
	}
	return string(said)
}

// isPicture wants a page with ink on it: bars of the charts' blue among them; and
// that it ends in paper, not in the middle of something.
func isPicture(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	blue, ink, last := 0, 0, 0
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, bl, _ := img.At(x, y).RGBA()
			switch {
			case r>>8 == 0xff && g>>8 == 0xff && bl>>8 == 0xff:
				continue
			case bl>>8 > 0xb0 && r>>8 < 0x80:
				blue++
			default:
				ink++
			}
			last = y
		}
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d by %d points, %d bytes", name, b.Dx(), b.Dy(), info.Size())
	if b.Dx() < 900 || blue < 2000 || ink < 20_000 || last > b.Max.Y-10 || info.Size() < 50_000 {
		t.Errorf("%v, %d bytes, %d points of bars, %d of ink, down to %d: not the report", b, info.Size(), blue, ink, last)
	}
}
