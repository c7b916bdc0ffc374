package mlflow_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// account is what a program saw of a server, with names for all that the server
// makes up and for times.
type account struct {
	printed   []any // each line, as JSON
	exchanges []seen
	proxy     *proxy
}

// account gives what was printed and went through the proxy.
func (c client) account(printed string, p *proxy) account {
	a, names := account{proxy: p}, newSymbols(c.began)
	for _, e := range p.exchanges() {
		s := names.see(e)
		if c.wire {
			a.exchanges = append(a.exchanges, s)
		}
	}
	names.exchange, names.times = 0, 0 // not counted: how many there were may differ
	for line := range strings.Lines(printed) {
		a.printed = append(a.printed, names.name(parsed([]byte(line))))
	}
	return a
}

// entry is a line of a kept account.
type entry struct {
	Printed  any   `json:"printed,omitempty"`
	Exchange *seen `json:"exchange,omitempty"`
}

var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// file is where the account is kept.
func (c client) file() string {
	return filepath.Join("testdata", "accounts", notInNames.ReplaceAllString(c.name(), "_")+".jsonl")
}

func (c client) writeAccount(t *testing.T, a account) {
	t.Helper()
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	lines.SetEscapeHTML(false)
	write := func(e entry) {
		if err := lines.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range a.exchanges {
		write(entry{Exchange: &a.exchanges[i]})
	}
	for _, value := range a.printed {
		write(entry{Printed: value})
	}
	if err := os.WriteFile(c.file(), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c client) readAccount(t *testing.T) (a account) {
	t.Helper()
	text, err := os.ReadFile(c.file())
	if err != nil {
		t.Fatalf("%v; make mlflow ARGS=-record writes it", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		var e entry
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("%s: %v", c.file(), err)
		}
		if e.Exchange != nil {
			a.exchanges = append(a.exchanges, *e.Exchange)
		} else {
			a.printed = append(a.printed, e.Printed)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return a
}
