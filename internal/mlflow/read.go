package mlflow

import (
	"context"
	"net/http"

	"github.com/spanmill/spanmill/internal/query"
)

// readRoutes are the calls that change nothing.
func readRoutes() []route {
	all := []route{
		{method: "GET", path: "/3.0/mlflow/traces/{trace}", handle: (*Server).getInfo},
		{method: "GET", path: "/3.0/mlflow/traces/get", handle: (*Server).getTrace},
		{method: "GET", path: "/3.0/mlflow/traces/batchGet", handle: (*Server).batchGet},
		{method: "POST", path: "/3.0/mlflow/traces/batchGetInfos", handle: (*Server).batchGetInfos},
		{method: "POST", path: "/3.0/mlflow/traces/search", handle: (*Server).search},

		{method: "GET", path: "/2.0/mlflow/traces", handle: (*Server).legacySearch},
		{method: "GET", path: "/2.0/mlflow/traces/{trace}/info", handle: (*Server).legacyInfo},
		{method: "GET", path: "/3.0/mlflow/scorers/list", handle: (*Server).noScorers},
		{method: "GET", path: "/3.0/mlflow/scorers/versions", handle: (*Server).noScorers},
		{method: "GET", path: "/3.0/mlflow/scorers/get", handle: (*Server).noScorer},
		{method: "GET", path: "/3.0/mlflow/scorers/online-configs", handle: (*Server).noConfigs},
		{method: "POST", path: "/3.0/mlflow/issues/search", handle: (*Server).noIssues},
		{method: "GET", path: "/3.0/mlflow/issues/{id}", handle: (*Server).noIssue},
		{method: "POST", path: "/3.0/mlflow/traces/metrics", handle: (*Server).unsupported},
		{method: "POST", path: "/3.0/mlflow/traces/calculate-filter-correlation", handle: (*Server).unsupported},
	}
	for i := range all {
		all[i].needs, all[i].reads = read, true
	}
	// A gateway asks on behalf of somebody who deletes.
	return append(all, route{method: "POST", path: pathPick, needs: write, reads: true, handle: (*Server).pickHere})
}

// asked asks until done says that what was asked for is there, for ReadWait at
// most: what was just written may not have reached the tables. The last answer
// counts. Only so many requests wait at once; the others take what there is.
func (s *Server) asked(ctx context.Context, ask func() (done bool, err error)) error {
	done, err := ask()
	if done || err != nil {
		return readError(err)
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return nil
	}
	_, err = s.await(ctx, func(context.Context) (bool, error) { return ask() })
	return readError(err)
}

// readError is the refusal of a question that the tables did not answer.
func readError(err error) error {
	if err == nil {
		return nil
	}
	if bad, ok := asInvalid(err); ok {
		return invalid(bad.Message)
	}
	return later(reasonStore, "the tables cannot be asked at the moment", err)
}

func (s *Server) getInfo(c *call) (answer, error) {
	info, err := s.oneInfo(c, c.PathValue("trace"))
	if err != nil {
		return answer{}, err
	}
	return replyTrace(infoMessageOf(&info))
}

// oneInfo finds one trace, or refuses as MLflow does.
func (s *Server) oneInfo(c *call, given string) (query.TraceInfo, error) {
	var found []query.TraceInfo
	err := s.asked(c.Context(), func() (bool, error) {
		var err error
		found, err = s.deps.Reader.TraceInfos(c.Context(), c.tenant, []string{hexOf(given)})
		return len(found) > 0 && settled(&found[0]), err
	})
	if err != nil {
		return query.TraceInfo{}, err
	}
	if len(found) == 0 {
		return query.TraceInfo{}, missing("Trace with ID '" + given + "' not found.")
	}
	return found[0], nil
}

// getTrace gives a trace with its spans. Unless the caller takes what there is,
// the trace must be complete: clients say with its info how many spans it has.
func (s *Server) getTrace(c *call) (answer, error) {
	given := c.URL.Query().Get("trace_id")
	if given == "" {
		return answer{}, invalid("Missing value for required parameter 'trace_id'. " + seeDocs)
	}
	partial := isTrue(c.URL.Query().Get("allow_partial"))
	trace, found, err := s.oneTrace(c, given, partial)
	switch {
	case err != nil:
		return answer{}, err
	case !found:
		return answer{}, missing("Trace with ID " + given + " is not found.")
	case !partial && !complete(&trace):
		return answer{}, missing("Trace with ID " + given + " is not fully exported yet, please try again later.")
	}
	return reply(traceReply{traceMessageOf(&trace)})
}

// oneTrace waits for a trace, a complete one unless partial.
func (s *Server) oneTrace(c *call, given string, partial bool) (trace query.Trace, found bool, err error) {
	err = s.asked(c.Context(), func() (bool, error) {
		traces, err := s.deps.Reader.Traces(c.Context(), c.tenant, []string{hexOf(given)})
		if err != nil || len(traces) == 0 {
			return false, err
		}
		trace, found = traces[0], true
		return settled(&trace.TraceInfo) && (partial || complete(&trace)), nil
	})
	return trace, found, err
}

// batchGet gives the complete ones of the traces.
func (s *Server) batchGet(c *call) (answer, error) {
	ids, err := storedIDs(c.URL.Query()["trace_ids"])
	if err != nil {
		return answer{}, err
	}
	var all []traceMessage
	err = s.asked(c.Context(), func() (bool, error) {
		traces, err := s.deps.Reader.Traces(c.Context(), c.tenant, ids)
		all = all[:0]
		done := true
		for i := range traces {
			done = done && settled(&traces[i].TraceInfo)
			if complete(&traces[i]) {
				all = append(all, traceMessageOf(&traces[i]))
			}
		}
		return done && len(all) == len(ids), err
	})
	if err != nil {
		return answer{}, err
	}
	return reply(struct {
		Traces []traceMessage `json:"traces,omitempty"`
	}{all})
}

func (s *Server) batchGetInfos(c *call) (answer, error) {
	o, err := parse(c.body)
	if err != nil {
		return answer{}, err
	}
	given := o.list("trace_ids")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	ids, err := storedIDs(given)
	if err != nil {
		return answer{}, err
	}
	var found []query.TraceInfo
	err = s.asked(c.Context(), func() (bool, error) {
		found, err = s.deps.Reader.TraceInfos(c.Context(), c.tenant, ids)
		return len(found) == len(ids) && allSettled(found), err
	})
	if err != nil {
		return answer{}, err
	}
	return reply(struct {
		Infos []traceInfoJSON `json:"trace_infos,omitempty"`
	}{infoMessagesOf(found)})
}

// storedIDs are the traces that a call names, each once.
func storedIDs(given []string) ([]string, error) {
	if len(given) == 0 {
		return nil, invalid("Missing value for required parameter 'trace_ids'. " + seeDocs)
	}
	if len(given) > query.MaxPage {
		return nil, invalid("Invalid value for parameter 'trace_ids': at most 500 traces can be asked for at once")
	}
	seen := make(map[string]bool, len(given))
	var ids []string
	for _, g := range given {
		if id := hexOf(g); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// isTrue reads a boolean of a query string; Python writes True.
func isTrue(s string) bool { return s == "true" || s == "True" || s == "1" }

// The following have no store here. Listings are empty, so that pages and
// clients that look for them go on.

func (s *Server) noScorers(*call) (answer, error) { return empty() }

func (s *Server) noIssues(*call) (answer, error) {
	return reply(struct {
		Token string `json:"next_page_token"`
	}{})
}

func (s *Server) noConfigs(*call) (answer, error) {
	return reply(struct {
		Configs []struct{} `json:"configs"`
	}{[]struct{}{}})
}

func (s *Server) noScorer(c *call) (answer, error) {
	return answer{}, missing("Scorer with name '" + c.URL.Query().Get("name") + "' not found.")
}

func (s *Server) noIssue(c *call) (answer, error) {
	return answer{}, missing("Issue with ID '" + c.PathValue("id") + "' not found")
}

// unsupported refuses a call that MLflow's server has and this one has not. Its
// clients do not try again after 501.
func (s *Server) unsupported(c *call) (answer, error) {
	return answer{}, &Error{
		Status: http.StatusNotImplemented, Reason: reasonRoute, Code: "NOT_IMPLEMENTED",
		Message: "spanmill does not answer " + c.URL.Path + ": ask the tables by SQL (docs/mlflow.md)",
	}
}
