package mlflow

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/spanmill/spanmill/internal/query"
	"github.com/spanmill/spanmill/pkg/schema"
)

// maxDeleted bounds what one call deletes by time: it is read whole, and becomes
// an event each. A client that is told as many asks again.
const maxDeleted = 10_000

// deleteTraces deletes traces of an experiment, by ids or up to a time. It is the
// one write that needs the tables: only they know which traces are the
// experiment's, and the answer says how many.
func (s *Server) deleteTraces(c *call) (answer, error) {
	o := c.message()
	pick := query.Selection{ExperimentID: o.required("experiment_id"), Limit: maxDeleted}
	ids := o.list("request_ids")
	byTime := o.has("max_timestamp_millis")
	pick.UntilMilli = o.integer("max_timestamp_millis")
	if o.has("max_traces") {
		pick.Limit = int(min(maxDeleted, o.integer("max_traces")))
	}
	switch {
	case o.err() != nil:
		return answer{}, o.err()
	case !byTime && len(ids) == 0:
		return answer{}, invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
	case byTime && len(ids) > 0:
		return answer{}, invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
	case !byTime && o.has("max_traces"):
		return answer{}, invalid("`max_traces` can't be specified if `trace_ids` is specified.")
	case pick.Limit < 1 || len(ids) > maxDeleted:
		return answer{}, invalid("`max_traces` must be a positive integer, and at most 10000 traces can be named.")
	}
	for _, id := range ids {
		pick.IDs = append(pick.IDs, hexOf(id))
	}
	found, err := s.pick(c, pick)
	if err != nil {
		return answer{}, err
	}
	events := make([]schema.Event, len(found))
	for i, id := range found {
		events[i] = schema.Event{Kind: schema.EventTraceDeleted, TraceID: id}
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	return reply(struct {
		Deleted int `json:"traces_deleted"`
	}{len(found)})
}

// pick gives the ids of a selection. Only the tables know what belongs to an
// experiment; traces that are named may be on their way there.
func (s *Server) pick(c *call, pick query.Selection) ([]string, error) {
	if s.deps.Reader == nil {
		return s.pickElsewhere(c, pick)
	}
	var found []string
	_, err := s.await(c.Context(), func(ctx context.Context) (all bool, err error) {
		found, err = s.deps.Reader.TraceIDs(ctx, c.tenant, pick)
		return pick.IDs == nil || len(found) >= len(pick.IDs), err
	})
	if err != nil {
		return nil, later(reasonStore, "the tables cannot be asked at the moment: send again later", err)
	}
	return found, nil
}

// pathPick is how a gateway asks a query service for the ids of a selection.
const pathPick = "/spanmill/traces/pick"

// pickMessage is a query.Selection on its way there.
type pickMessage struct {
	ExperimentID string   `json:"experiment_id"`
	IDs          []string `json:"ids"`
	UntilMilli   int64    `json:"until_milli"`
	Limit        int      `json:"limit"`
}

// picked are the ids of a selection, as a query service gives them.
type picked struct {
	IDs []string `json:"ids"`
}

// pickElsewhere is pick by the process that has the tables.
func (s *Server) pickElsewhere(c *call, pick query.Selection) ([]string, error) {
	body, err := json.Marshal(pickMessage(pick))
	if err != nil {
		return nil, err
	}
	asking := *c
	asking.Request, asking.body = c.Clone(c.Context()), body
	asking.Method, asking.URL = http.MethodPost, &url.URL{Path: pathPick}
	said, err := s.forward(&asking)
	if err != nil {
		return nil, err
	}
	var found picked
	if err := json.Unmarshal(said.body, &found); err != nil {
		return nil, later(reasonStore, "the query service answers with something else", err)
	}
	return found.IDs, nil
}

// pickHere answers pickElsewhere.
func (s *Server) pickHere(c *call) (answer, error) {
	var asked pickMessage
	if err := json.Unmarshal(c.body, &asked); err != nil || asked.ExperimentID == "" || asked.Limit < 1 || max(asked.Limit, len(asked.IDs)) > maxDeleted {
		return answer{}, invalid("this is no selection of traces")
	}
	found, err := s.pick(c, query.Selection(asked))
	if err != nil {
		return answer{}, err
	}
	return reply(picked{found})
}
