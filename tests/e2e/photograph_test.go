package e2e_test

import (
	"html"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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
	if err := os.MkdirAll(filepath.Dir(picture), 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join(here, "photograph.mjs"), strings.TrimSpace(string(modules)), file, picture)
	command.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	command.Stderr = t.Output()
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("open the report in Chromium: %v", err)
	}
	for _, m := range shownRow.FindAllStringSubmatch(string(dom), -1) {
		for i := range m {
			m[i] = html.UnescapeString(m[i])
		}
		rows = append(rows, shown{metric: m[1], name: m[2], now: m[4], of: m[5], between: m[6], before: m[7], beforeOf: m[8], change: m[9]})
	}
	if all := strings.Count(string(dom), "<tr data-metric="); len(rows) != all {
		t.Errorf("%d of %d rows of the page are not as the others", all-len(rows), all)
	}
	if bars := strings.Count(string(dom), "<rect"); bars < 40 {
		t.Errorf("%d bars on the page, want seven for each of six charts", bars)
	}
	isPicture(t, picture)
	return rows
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
