package mlflow

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spanmill/spanmill/internal/query"
)

// defaultPage is MLflow's page of traces.
const defaultPage = 100

func asInvalid(err error) (*query.InvalidError, bool) { return errors.AsType[*query.InvalidError](err) }

// searchFor is a search as a client words it.
type searchFor struct {
	experiments []string
	filter      string
	max         int64
	orders      []string
	token       string
}

func (s *Server) search(c *call) (answer, error) {
	o, err := parse(c.body)
	if err != nil {
		return answer{}, err
	}
	a := searchFor{max: defaultPage, filter: o.text("filter"), orders: o.list("order_by"), token: o.text("page_token")}
	if o.has("max_results") {
		a.max = o.integer("max_results")
	}
	for _, l := range o.objects("locations") {
		if id := l.object("mlflow_experiment").text("experiment_id"); id != "" {
			a.experiments = append(a.experiments, id)
		}
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if !o.has("locations") {
		return answer{}, invalid("Missing value for required parameter 'locations'. " + seeDocs)
	}
	page, err := s.searched(c, a)
	if err != nil {
		return answer{}, err
	}
	return reply(struct {
		Traces []traceInfoJSON `json:"traces,omitempty"`
		Token  string          `json:"next_page_token,omitempty"`
	}{infoMessagesOf(page.Traces), page.Token})
}

// maxExperiments bounds the experiments of a search.
const maxExperiments = 1000

// searched checks a search and asks it. One for particular traces waits for
// them.
func (s *Server) searched(c *call, a searchFor) (query.Page, error) {
	q := query.Search{ExperimentIDs: a.experiments, Limit: int(a.max), Token: a.token}
	if a.max < 1 || a.max > query.MaxPage {
		return query.Page{}, wrongPage(a.max)
	}
	if len(a.experiments) > maxExperiments {
		return query.Page{}, invalid(fmt.Sprintf("Invalid value for parameter 'locations': more than %d experiments", maxExperiments))
	}
	var err error
	if q.Filter, err = query.ParseFilter(a.filter); err != nil {
		return query.Page{}, readError(err)
	}
	if q.Order, err = query.ParseOrder(a.orders); err != nil {
		return query.Page{}, readError(err)
	}
	if len(a.experiments) == 0 {
		return query.Page{}, nil
	}
	var page query.Page
	err = s.asked(c.Context(), func() (bool, error) {
		page, err = s.deps.Reader.Search(c.Context(), c.tenant, q)
		return !namesTraces(q.Filter) || len(page.Traces) > 0 && allSettled(page.Traces), err
	})
	return page, err
}

func namesTraces(f query.Filter) bool {
	return slices.ContainsFunc(f, func(c query.Clause) bool {
		return c.Field == query.FieldTraceID && (c.Op == query.Equal || c.Op == query.In)
	})
}

// legacySearch is the search of MLflow 2.
func (s *Server) legacySearch(c *call) (answer, error) {
	values := c.URL.Query()
	a := searchFor{
		experiments: values["experiment_ids"], filter: values.Get("filter"), max: defaultPage,
		orders: values["order_by"], token: values.Get("page_token"),
	}
	if len(a.experiments) == 0 {
		return answer{}, invalid("Missing value for required parameter 'experiment_ids'. " + seeDocs)
	}
	if text := values.Get("max_results"); text != "" {
		var err error
		if a.max, err = strconv.ParseInt(text, 10, 64); err != nil {
			return answer{}, invalid("Invalid value for parameter 'max_results': it must be an integer")
		}
	}
	page, err := s.searched(c, a)
	if err != nil {
		return answer{}, err
	}
	infos := make([]legacyInfoJSON, len(page.Traces))
	for i := range page.Traces {
		infos[i] = legacyOf(&page.Traces[i])
	}
	return reply(struct {
		Traces []legacyInfoJSON `json:"traces,omitempty"`
		Token  string           `json:"next_page_token,omitempty"`
	}{infos, page.Token})
}
