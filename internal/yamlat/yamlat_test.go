package yamlat

import (
	"strings"
	"testing"
	"time"
)

// TestErrorsSayWhere: the mark is where the caret of the text stands, however
// YAML wrote it.
func TestErrorsSayWhere(t *testing.T) {
	const text = "# rules\n" +
		"plain: a ^ b\n" +
		"quoted: \"x \\\"y\\\" ^ z\"\n" +
		"single: 'it''s ^ here'\n" +
		"block: |\n  first\n  second ^ end\n" +
		"folded: >-\n  first\n  ä second ^ end\n" +
		"list:\n  - {key: ^}\n"
	f, top, err := Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range top.Entries() {
		v := e.Value
		if e.Name == "list" {
			v = v.List()[0].Fields("key")["key"]
		}
		v.ErrorAtf(strings.IndexRune(v.Text(), '^')-strings.Count(v.Text(), "ä"), "%s", e.Name)
	}
	const want = "m.yaml:2:10: plain\nm.yaml:3:18: quoted\nm.yaml:4:16: single\nm.yaml:7:10: block\nm.yaml:10:12: folded\nm.yaml:12:11: list"
	if got := f.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestEverythingThatIsWrongIsTold, each with its place.
func TestEverythingThatIsWrongIsTold(t *testing.T) {
	f, top, err := Parse("a.yaml", []byte("for: soon\nmin: -1\nto: {x: 1}\nkind: odd\nnew: 1\nmin: 2\nlist: text\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := top.Fields("for", "min", "to", "kind", "list", "flag")
	if d := m["for"].Duration(0, time.Minute); d != time.Minute {
		t.Error(d)
	}
	if n := m["min"].Whole(0, 7); n != 7 {
		t.Error(n)
	}
	if s := m["to"].Text(); s != "" {
		t.Error(s)
	}
	if s := m["kind"].OneOf("even", "prime"); s != "even" || m["flag"].Flag() || m["nothing"].Text() != "" {
		t.Error(s)
	}
	m["list"].List()
	const want = `a.yaml:1:6: "soon" is no time such as 90s, 5m or 1h30m of at least 0s
a.yaml:2:6: "-1" is no whole number of at least 0
a.yaml:3:5: want a text
a.yaml:4:7: "odd" is none of even, prime
a.yaml:5:1: "new" is not known here: for, min, to, kind, list, flag
a.yaml:6:1: "min" is there twice
a.yaml:7:7: want a list`
	if got := f.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for text, want := range map[string]string{"": "nothing", "a: [1": "b.yaml:"} {
		if _, _, err := Parse("b.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
