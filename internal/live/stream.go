package live

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// How often a stream tells the newest window.
const (
	usualPace   = time.Second
	fastestPace = 250 * time.Millisecond
	slowestPace = time.Minute
)

// stream answers a question again and again, as server-sent events: the newest
// window each time, whenever it has changed.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, tenant string) {
	every, err := length(r.URL.Query(), "every", usualPace)
	if err == nil && (every < fastestPace || every > slowestPace) {
		err = fmt.Errorf("every: want %s to %s", fastestPace, slowestPace)
	}
	if err == nil && (r.URL.Query().Has("from") || r.URL.Query().Has("to")) {
		err = fmt.Errorf("a stream has neither from nor to: it tells of the present")
	}
	if err == nil {
		_, err = parseQuestion(r.URL.Query(), s.store.cfg.Own, time.Now())
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !enter(w, s.streams) {
		return
	}
	defer func() { <-s.streams }()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := ""
	for {
		text, err := s.newest(r, tenant)
		if err == nil && text != last {
			err = send(w, text)
			last = text
		}
		if err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.stopped.Done():
			return
		case <-tick.C:
		}
	}
}

// newest answers the question as of this moment.
func (s *Server) newest(r *http.Request, tenant string) (string, error) {
	q, err := parseQuestion(r.URL.Query(), s.store.cfg.Own, time.Now())
	if err != nil {
		return "", err
	}
	body, err := s.ask(r.Context(), tenant, q)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(body)
	return string(text), err
}

// send writes an event at once; a client that takes none for long is left.
func send(w http.ResponseWriter, text string) error {
	to := http.NewResponseController(w)
	if err := to.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	//nolint:gosec // it is JSON, and sent as an event stream
	if _, err := fmt.Fprintf(w, "event: metrics\ndata: %s\n\n", text); err != nil {
		return err
	}
	return to.Flush()
}
