package ledger

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/spanmill/spanmill/internal/demo"
)

// Outcome is what became of a piece.
type Outcome uint8

const (
	// Doubt: sent, and no final answer known: its spans are there or not.
	Doubt Outcome = iota
	// Acked: the product answered success for all of it.
	Acked
	// Partial: the product took the request but refused some of its spans.
	Partial
	// Refused: the product refused it at the first try; nothing may be there.
	Refused
)

func (o Outcome) String() string {
	return [...]string{"in doubt", "acked", "partial", "refused"}[o]
}

// Entry is a piece and what became of it.
type Entry struct {
	demo.Piece
	Outcome Outcome
	// Rejected is how many spans of a Partial piece were refused.
	Rejected int
	// Reason is the answer to a Partial or Refused piece.
	Reason string
}

// Ledger knows what was sent. A Ledger with a file is a text file:
//
//	spanmill-ledger 1 {"seed":7,…}
//	s 0.0 63.4 512             piece from trace 0 span 0 up to trace 63 span 4, 512 spans: sent
//	a 0.0 63.4 512             … acked
//	p 63.4 120.0 512 3 "why"   … accepted but for 3 spans
//	r 120.0 181.2 512 0 "why"  … refused
//
// A piece is written before it is first sent and again when its fate is known.
// Acks are on disk before the sender goes on, so that neither SIGKILL nor a
// crash of the machine loses one: what has only its "s" is in doubt. A last
// line without its end was torn by a kill and counts for nothing. Methods are
// safe for concurrent use; a nil *Ledger keeps nothing.
type Ledger struct {
	opts demo.Options

	mu      sync.Mutex
	file    *os.File // nil: read only, or in memory
	entries map[demo.Position]*Entry
	end     demo.Position
	written uint64 // lines

	syncMu sync.Mutex
	synced uint64 // lines known to be on disk
}

const ledgerMagic = "spanmill-ledger 1 "

// New keeps a ledger in memory.
func New(o demo.Options) *Ledger {
	return &Ledger{opts: o, entries: make(map[demo.Position]*Entry)}
}

// Open creates the ledger file at path, or goes on with the one that is
// there: then its options hold and those given are not looked at.
func Open(path string, o demo.Options) (*Ledger, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l, whole, err := load(file)
	switch {
	case errors.Is(err, errNoHead):
		l = New(o)
		whole, err = l.writeHead(file)
	case err == nil:
		// What a kill tore off the last line goes: the next line must start
		// where a line starts.
		err = file.Truncate(whole)
	}
	if err == nil {
		_, err = file.Seek(whole, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", path, err), file.Close())
	}
	l.file = file
	return l, nil
}

// Read reads the ledger file at path, which may be in use.
func Read(path string) (*Ledger, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	defer file.Close()
	l, _, err := load(file)
	if err != nil {
		return nil, fmt.Errorf("read ledger %s: %w", path, err)
	}
	return l, nil
}

// errNoHead: the file ends within its first line.
var errNoHead = errors.New("no head line")

func (l *Ledger) writeHead(file *os.File) (size int64, err error) {
	head, err := json.Marshal(l.opts)
	if err != nil {
		return 0, err
	}
	line := slices.Concat([]byte(ledgerMagic), head, []byte("\n"))
	if err := file.Truncate(0); err != nil {
		return 0, err
	}
	if _, err := file.WriteAt(line, 0); err != nil {
		return 0, err
	}
	return int64(len(line)), file.Sync()
}

// load reads whole lines; size is where the last of them ends.
func load(file io.Reader) (l *Ledger, size int64, err error) {
	in := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && l == nil:
			return nil, 0, errNoHead
		case errors.Is(err, io.EOF):
			return l, size, nil
		case err != nil:
			return nil, 0, err
		}
		if l == nil {
			l, err = readHead(line)
		} else {
			err = l.readLine(string(line))
		}
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: %w", number, err)
		}
		size += int64(len(line))
	}
}

func readHead(line []byte) (*Ledger, error) {
	rest, ok := bytes.CutPrefix(line, []byte(ledgerMagic))
	if !ok {
		return nil, fmt.Errorf("not a ledger: want a line that starts with %q", ledgerMagic)
	}
	var o demo.Options
	if err := json.Unmarshal(rest, &o); err != nil {
		return nil, err
	}
	return New(o), nil
}

// letters of the outcomes, in a file.
const letters = "sapr"

func (l *Ledger) readLine(line string) error {
	var e Entry
	var letter rune
	n, err := fmt.Sscanf(line, "%c %d.%d %d.%d %d %d %q", &letter, &e.From.Trace, &e.From.Span,
		&e.To.Trace, &e.To.Span, &e.Spans, &e.Rejected, &e.Reason)
	at := slices.Index([]rune(letters), letter)
	if at < 0 || n < 6 {
		return fmt.Errorf("cannot read %q: %w", line, err)
	}
	e.Outcome = Outcome(at)
	l.keep(e)
	return nil
}

func (l *Ledger) keep(e Entry) {
	l.entries[e.From] = &e
	if l.end.Before(e.To) {
		l.end = e.To
	}
}

// Options are what the spans were made with.
func (l *Ledger) Options() demo.Options { return l.opts }

// End is where sending goes on: after everything that was ever sent.
func (l *Ledger) End() demo.Position {
	if l == nil {
		return demo.Position{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Entries gives all pieces in their order.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Entry, 0, len(l.entries))
	for _, e := range l.entries {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		if a.From.Before(b.From) {
			return -1
		}
		return 1
	})
	return all
}

// Record says what became of a piece; Doubt, that it is about to be sent. It
// returns when an outcome is on disk.
func (l *Ledger) Record(e Entry) error {
	if l == nil {
		return nil
	}
	line, err := l.append(e)
	if err != nil || e.Outcome == Doubt {
		return err
	}
	return l.sync(line)
}

func (l *Ledger) append(e Entry) (line uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(e)
	l.written++
	if l.file == nil {
		return l.written, nil
	}
	text := fmt.Appendf(nil, "%c %v %v %d", letters[e.Outcome], e.From, e.To, e.Spans)
	if e.Outcome == Partial || e.Outcome == Refused {
		text = fmt.Appendf(text, " %d %q", e.Rejected, e.Reason)
	}
	if _, err := l.file.Write(append(text, '\n')); err != nil {
		return 0, fmt.Errorf("write ledger: %w", err)
	}
	return l.written, nil
}

// sync returns when the line is on disk. Whoever syncs does it for all lines
// written by then, so that many senders share one.
func (l *Ledger) sync(line uint64) error {
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	l.mu.Lock()
	file, written := l.file, l.written
	l.mu.Unlock()
	if file == nil || l.synced >= line {
		return nil
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("sync ledger: %w", err)
	}
	l.synced = written
	return nil
}

// Close syncs and closes the file. The ledger can still be read.
func (l *Ledger) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := errors.Join(l.file.Sync(), l.file.Close())
	l.file = nil
	return err
}
