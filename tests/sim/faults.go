package sim

import (
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// arm prepares the fate of a request to come.
func (w *world) arm(e Event) {
	what := string(e.Kind)
	if e.Kind == Insert {
		what = e.Table
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed[what] = append(w.armed[what], e)
}

// take gives the next armed fate of a kind of request.
func (w *world) take(what string) (Event, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.armed[what]
	if len(list) == 0 {
		return Event{}, false
	}
	w.armed[what] = list[1:]
	return list[0], true
}

func (w *world) commitFate() (Fate, time.Duration) {
	e, ok := w.take(string(Commit))
	if !ok {
		return "", 0
	}
	w.hit("commit " + string(e.Fate))
	w.tracef("a commit is %s", e.Fate)
	return e.Fate, time.Duration(e.ForMilli) * time.Millisecond
}

// awayCode is what the store answers to everything just now, 0 if it works.
func (w *world) awayCode() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if int(time.Since(w.began).Milliseconds()) < w.away.until {
		return w.away.code
	}
	return 0
}

// calm ends all faults.
func (w *world) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.armed)
	w.away.until = 0
	for _, release := range w.stalls {
		release()
	}
}

// draw is true once in n times.
func (w *world) draw(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n) == 0
}

// between gives a duration below the bound.
func (w *world) between(d time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(w.rng.Int64N(int64(d)))
}

func (w *world) hit(fault string) { w.hits(fault, 1) }

func (w *world) hits(fault string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[fault] += n
}

func (w *world) broken(err error) {
	w.tracef("BROKEN: %v", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, err)
}

func (w *world) tracef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%8.3f %s", time.Since(w.began).Seconds(), line))
}

// liner makes the writers' log lines part of the trace.
type liner struct{ w *world }

func (l liner) Write(line []byte) (int, error) {
	l.w.tracef("%s", strings.TrimSpace(string(line)))
	return len(line), nil
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
