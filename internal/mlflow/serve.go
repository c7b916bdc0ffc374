package mlflow

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/spanmill/spanmill/internal/auth"
)

// headerWorkspace is MLflow's name for what we call a tenant.
const headerWorkspace = "X-MLFLOW-WORKSPACE"

// call is one request on its way through its handler.
type call struct {
	*http.Request

	tenant string
	// body is the request's, inflated; it is gone once the handler returned.
	body []byte
}

// answer is what a handler gives for a success. The zero answer is 200 with an
// empty body.
type answer struct {
	contentType string
	body        []byte
}

const (
	typeJSON     = "application/json"
	typeProtobuf = "application/x-protobuf"
	typeHTML     = "text/html; charset=utf-8"
	typeText     = "text/plain; charset=utf-8"
)

// reply answers with a value as JSON.
func reply(v any) (answer, error) { return answer{typeJSON, encode(v)}, nil }

// empty is MLflow's answer where there is nothing to say.
func empty() (answer, error) { return answer{typeJSON, []byte("{}")}, nil }

// serve makes a route an HTTP handler.
func (s *Server) serve(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a, err := s.take(route, r)
		if err != nil {
			// A client that writes before it reads sees a broken connection, not
			// our answer, unless the rest of its request finds a reader.
			io.CopyN(io.Discard, r.Body, maxDrain) //nolint:errcheck // best effort; the answer follows anyway
			e := asError(err)
			s.report(r.Context(), route, e)
			s.refuse(w, e)
			s.m.answered(route.path, e.Status, e, time.Since(began))
			return
		}
		respond(w, http.StatusOK, a)
		s.m.answered(route.path, http.StatusOK, nil, time.Since(began))
	}
}

// maxDrain is what is read of a refused request's body, without keeping it.
const maxDrain = 64 * mib

// take does what a request asks.
func (s *Server) take(route route, r *http.Request) (answer, error) {
	c := &call{Request: r}
	if !route.open {
		tenant, err := s.tenant(r, route.needs)
		if err != nil {
			return answer{}, err
		}
		c.tenant = tenant
	}
	if route.reads && s.deps.Reader == nil {
		route.handle = (*Server).forward
	}
	if route.raw || r.Method == http.MethodGet {
		return route.handle(s, c)
	}
	body, release, err := s.deps.Door.Receive(r)
	defer release()
	if err != nil {
		return answer{}, err
	}
	c.body = body
	return route.handle(s, c)
}

// tenant finds out whose request it is. The workspace that MLflow's clients may
// name is the tenant: it must be the key's.
func (s *Server) tenant(r *http.Request, needs auth.Rights) (string, error) {
	id, err := s.deps.Keys.Authenticate(r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"))
	if err != nil {
		return "", &Error{Status: http.StatusUnauthorized, Reason: reasonNoKey, Message: err.Error()}
	}
	if !id.May(needs) {
		return "", &Error{
			Status: http.StatusForbidden, Reason: reasonForbidden,
			Message: "the API key has not the right that this call needs: 'read' to read, 'write' to write",
		}
	}
	if workspace := r.Header.Get(headerWorkspace); workspace != "" && workspace != id.Tenant {
		return "", &Error{
			Status: http.StatusForbidden, Reason: reasonForbidden,
			Message: "the API key does not belong to this workspace: a workspace is a tenant of the keys file",
		}
	}
	return id.Tenant, nil
}

// report logs what is our own fault, or the store's, not what clients do wrong.
func (s *Server) report(ctx context.Context, route route, e *Error) {
	if e.Status == http.StatusInternalServerError || e.Reason == reasonStore {
		s.log.WarnContext(ctx, "request failed", "route", route.path, "err", e)
	}
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, e *Error) {
	if e.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="spanmill"`)
	}
	if e.Retry {
		seconds := (s.cfg.RetryAfter + time.Second - 1) / time.Second // the header knows whole seconds
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	respond(w, e.Status, answer{typeJSON, e.body()})
}

func respond(w http.ResponseWriter, status int, a answer) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(status)
	w.Write(a.body) //nolint:errcheck // what it says is done is done if the client is gone
}
