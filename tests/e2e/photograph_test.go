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

// photographed opens the report's page in Chromium, photographs it, and wants the
// numbers of the Markdown on it. SPANMILL_PHOTOGRAPHS names a folder that keeps
// the picture.
func photographed(t *testing.T, dir, markdown string) {
	t.Helper()
	here := filepath.Join(harness.Root(t), "tests", "e2e", "browser")
	modules, err := exec.CommandContext(t.Context(), filepath.Join(harness.Root(t), "scripts", "node-env.sh"), here).Output()
	if err != nil {
		t.Fatalf("install Chromium: %v", err)
	}
	picture := filepath.Join(dir, "report.png")
	if keep := os.Getenv("SPANMILL_PHOTOGRAPHS"); keep != "" {
		picture = filepath.Join(keep, "report.png")
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join(here, "photograph.mjs"), strings.TrimSpace(string(modules)), filepath.Join(dir, "report.html"), picture)
	command.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	command.Stderr = t.Output()
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("open the report in Chromium: %v", err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`<tr data-metric="([a-z0-9_]+)"><td>([^<]*) <code>[^<]*</code></td><td class="now">([^<]*)</td><td>([^<]*)</td>`).FindAllStringSubmatch(string(dom), -1) {
		seen[html.UnescapeString("| "+m[2]+" (`"+m[1]+"`) | "+m[3]+" | "+m[4]+" |")] = true
	}
	for _, row := range regexp.MustCompile("(?m)^\\| [^|]+ \\(`[a-z0-9_]+`\\) \\| [^|]+ \\| [^|]+ \\|").FindAllString(markdown, -1) {
		if !seen[row] {
			t.Errorf("the page in Chromium lacks what the Markdown says: %s", row)
		}
	}
	if bars := strings.Count(string(dom), "<rect"); bars < 40 {
		t.Errorf("%d bars on the page, want seven for each of six charts", bars)
	}
	isPicture(t, picture)
}

// isPicture wants a page with ink on it: bars of the charts' blue among them.
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
	blue, paper := 0, 0
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 2 {
		for x := b.Min.X; x < b.Max.X; x += 2 {
			r, g, bl, _ := img.At(x, y).RGBA()
			switch {
			case r>>8 == 0xff && g>>8 == 0xff && bl>>8 == 0xff:
				paper++
			case bl>>8 > 0xb0 && r>>8 < 0x80:
				blue++
			}
		}
	}
	if b.Dx() < 900 || paper < 10_000 || blue < 500 {
		t.Errorf("the photograph is %v with %d points of paper and %d of bars: not the report", b, paper, blue)
	}
}
