package mlflow

import (
	"net/http"
	"strings"

	"github.com/spanmill/spanmill/internal/auth"
)

// route is one call of the protocol.
type route struct {
	method string
	// path is a pattern of http.ServeMux, and the route's name in metrics. Those
	// that begin with /2.0 or /3.0 are answered below /api and /ajax-api.
	path string
	// needs are the rights that a key must have; none: any key will do.
	needs auth.Rights
	// open answers without a key.
	open bool
	// reads marks calls that are about nothing but what the tables have.
	reads bool
	// raw handlers read the body themselves.
	raw    bool
	handle func(*Server, *call) (answer, error)
}

const (
	// either right will do: who only writes has to look experiments up.
	either = auth.Rights(0)
	write  = auth.Write
	read   = auth.Read
)

// routes is everything that is answered.
func routes() []route {
	all := []route{
		{method: "GET", path: "/version", open: true, handle: (*Server).version},
		{method: "GET", path: "/health", open: true, handle: (*Server).health},
		{method: "GET", path: "/3.0/mlflow/server-info", needs: either, handle: (*Server).serverInfo},
	}
	for _, some := range [][]route{
		otlpRoutes(), experimentRoutes(), traceRoutes(), assessmentRoutes(), artifactRoutes(), legacyRoutes(), readRoutes(),
	} {
		all = append(all, some...)
	}
	return all
}

// handler answers all routes.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		if s.deps.Events == nil && !r.open && !r.reads && r.needs != read {
			continue // nothing is taken in here
		}
		prefixes := []string{""}
		if strings.HasPrefix(r.path, "/2.0/") || strings.HasPrefix(r.path, "/3.0/") {
			prefixes = []string{"/api", "/ajax-api"}
		}
		for _, prefix := range prefixes {
			mux.HandleFunc(r.method+" "+prefix+r.path, s.serve(r))
		}
	}
	mux.HandleFunc("/", s.unknown)
	return mux
}

// unknown answers what is no route, as MLflow does: not JSON, which its clients
// take for a call that this server does not have.
func (s *Server) unknown(w http.ResponseWriter, _ *http.Request) {
	e := &Error{Status: http.StatusNotFound, Reason: reasonRoute}
	respond(w, e.Status, answer{typeHTML, []byte(`<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>There is no such page here. docs/mlflow.md has the calls that spanmill answers.</p>
`)})
	s.m.answered("unknown", e.Status, e, 0)
}
