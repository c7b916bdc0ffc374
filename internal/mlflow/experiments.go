package mlflow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spanmill/spanmill/internal/mlflow/experiments"
	"github.com/spanmill/spanmill/pkg/schema"
)

// MLflow's own bounds of experiments, in characters.
const (
	maxExperimentName     = 500
	maxExperimentLocation = 2048
	maxExperimentTagKey   = 250
	maxExperimentTagValue = 20_000
)

func experimentRoutes() []route {
	return []route{
		{method: "POST", path: "/2.0/mlflow/experiments/create", needs: write, handle: (*Server).createExperiment},
		{method: "GET", path: "/2.0/mlflow/experiments/get", needs: either, handle: (*Server).getExperiment},
		{method: "GET", path: "/2.0/mlflow/experiments/get-by-name", needs: either, handle: (*Server).getExperimentByName},
		{method: "POST", path: "/2.0/mlflow/experiments/search", needs: either, handle: (*Server).searchExperiments},
		{method: "GET", path: "/2.0/mlflow/experiments/search", needs: either, handle: (*Server).searchExperiments},
		{method: "POST", path: "/2.0/mlflow/experiments/update", needs: write, handle: (*Server).updateExperiment},
		{method: "POST", path: "/2.0/mlflow/experiments/delete", needs: write, handle: (*Server).deleteExperiment},
		{method: "POST", path: "/2.0/mlflow/experiments/restore", needs: write, handle: (*Server).restoreExperiment},
		{method: "POST", path: "/2.0/mlflow/experiments/set-experiment-tag", needs: write, handle: (*Server).setExperimentTag},
		{method: "POST", path: "/2.0/mlflow/experiments/delete-experiment-tag", needs: write, handle: (*Server).deleteExperimentTag},
	}
}

// keyValue is a tag in the older half of MLflow's JSON.
type keyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// keyValues gives a map as a list, by key.
func keyValues(m map[string]string) []keyValue {
	var list []keyValue
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, keyValue{k, m[k]})
	}
	return list
}

// experimentJSON is an experiment as MLflow's clients read it. Without a stage
// they take it for a deleted one.
type experimentJSON struct {
	ID        string     `json:"experiment_id"`
	Name      string     `json:"name"`
	Location  string     `json:"artifact_location"`
	Stage     string     `json:"lifecycle_stage"`
	Updated   int64      `json:"last_update_time"`
	Created   int64      `json:"creation_time"`
	Tags      []keyValue `json:"tags,omitempty"`
	Workspace string     `json:"workspace"`
}

func experimentOf(tenant string, e schema.Experiment) experimentJSON {
	location := e.ArtifactLocation
	if location == "" {
		location = "mlflow-artifacts:/" + e.ID
	}
	return experimentJSON{e.ID, e.Name, location, e.Stage, e.UpdateMilli, e.CreateMilli, keyValues(e.Tags), tenant}
}

func replyExperiment(tenant string, e schema.Experiment) (answer, error) {
	return reply(struct {
		Experiment experimentJSON `json:"experiment"`
	}{experimentOf(tenant, e)})
}

// experiment finds one by id; look says where.
func (s *Server) experiment(ctx context.Context, tenant, id string) (schema.Experiment, error) {
	if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 0 {
		return schema.Experiment{}, invalid("Invalid experiment ID '" + id + "'. Experiment ID must be a valid integer.")
	}
	e, ok, err := s.look(ctx, func() (schema.Experiment, bool) { return s.deps.Experiments.Get(tenant, id) })
	if err == nil && !ok {
		err = missing("No Experiment with id=" + id + " exists")
	}
	return e, err
}

// activeExperiment is experiment for what may only be done to a living one.
func (s *Server) activeExperiment(ctx context.Context, tenant, id string) (schema.Experiment, error) {
	e, err := s.experiment(ctx, tenant, id)
	if err == nil && e.Stage != schema.ExperimentActive {
		err = invalid("The experiment " + id + " must be in the 'active' state. Current state is " + e.Stage + ".")
	}
	return e, err
}

// experimentsRead refuses what comes before the log of experiments was read.
func (s *Server) experimentsRead() error {
	if s.deps.Experiments.IsReady() {
		return nil
	}
	return later(reasonNotReady, "the experiments are not read yet: send again later", nil)
}

// look finds an experiment. What does not seem to exist may have been made a
// moment ago, by another gateway: the log is asked before that is said.
func (s *Server) look(ctx context.Context, find func() (schema.Experiment, bool)) (schema.Experiment, bool, error) {
	if err := s.experimentsRead(); err != nil {
		return schema.Experiment{}, false, err
	}
	if e, ok := find(); ok {
		return e, true, nil
	}
	if err := s.deps.Experiments.Fresh(ctx); err != nil {
		return schema.Experiment{}, false, changeError(err, "")
	}
	e, ok := find()
	return e, ok, nil
}

// changeError words why an experiment was not changed.
func changeError(err error, name string) error {
	taken, isTaken := errors.AsType[*experiments.NameError](err)
	switch {
	case err == nil:
		return nil
	case isTaken && taken.Holder.Stage == schema.ExperimentDeleted:
		return exists("Experiment '" + name + "' already exists in deleted state. Restore the experiment, or rename it first, to use its name.")
	case isTaken:
		return exists("Experiment(name=" + name + ") already exists.")
	case errors.Is(err, experiments.ErrUnknown):
		return missing(err.Error())
	case errors.Is(err, experiments.ErrFull):
		return &Error{Status: 429, Reason: reasonFull, Message: err.Error()}
	case errors.Is(err, experiments.ErrTooLarge):
		return &Error{Status: 413, Reason: reasonFull, Message: err.Error()}
	}
	return later(reasonNotReady, "the log of experiments does not answer: send again later", err)
}

func (s *Server) createExperiment(c *call) (answer, error) {
	o := c.message()
	name, location := o.required("name"), o.text("artifact_location")
	now := time.Now().UnixMilli()
	e := schema.Experiment{Name: name, ArtifactLocation: location, CreateMilli: now, UpdateMilli: now}
	for _, tag := range o.objects("tags") {
		if e.Tags == nil {
			e.Tags = make(map[string]string)
		}
		key := tag.required("key")
		e.Tags[key] = tag.text("value")
		tag.atMost("key", key, maxExperimentTagKey)
		tag.atMost("value", e.Tags[key], maxExperimentTagValue)
	}
	o.atMost("name", name, maxExperimentName)
	o.atMost("artifact_location", location, maxExperimentLocation)
	if err := o.err(); err != nil {
		return answer{}, err
	}
	if err := s.experimentsRead(); err != nil {
		return answer{}, err
	}
	// Create asks the log before it says that a name is held: another gateway may
	// have renamed its holder a moment ago.
	id, err := s.deps.Experiments.Create(c.Context(), c.tenant, e)
	if err != nil {
		return answer{}, changeError(err, name)
	}
	return reply(struct {
		ID string `json:"experiment_id"`
	}{id})
}

func (s *Server) getExperiment(c *call) (answer, error) {
	o := c.message()
	id := o.required("experiment_id")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	e, err := s.experiment(c.Context(), c.tenant, id)
	if err != nil {
		return answer{}, err
	}
	return replyExperiment(c.tenant, e)
}

func (s *Server) getExperimentByName(c *call) (answer, error) {
	o := c.message()
	name := o.required("experiment_name")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	e, ok, err := s.look(c.Context(), func() (schema.Experiment, bool) { return s.deps.Experiments.Named(c.tenant, name) })
	if err != nil {
		return answer{}, err
	}
	if !ok {
		return answer{}, missing("Could not find experiment with name '" + name + "'")
	}
	return replyExperiment(c.tenant, e)
}

func (s *Server) updateExperiment(c *call) (answer, error) {
	o := c.message()
	id, name := o.required("experiment_id"), o.text("new_name")
	o.atMost("new_name", name, maxExperimentName)
	if err := o.err(); err != nil {
		return answer{}, err
	}
	e, err := s.experiment(c.Context(), c.tenant, id)
	switch {
	case err != nil:
		return answer{}, err
	case e.Stage != schema.ExperimentActive:
		return answer{}, invalid("Cannot rename a non-active experiment.")
	case name == "":
		return empty()
	}
	err = changeError(s.deps.Experiments.Rename(c.Context(), c.tenant, id, name, time.Now().UnixMilli()), name)
	if taken, ok := errors.AsType[*Error](err); ok && taken.Code == codeExists {
		taken.Code = codeBadRequest // as MLflow has it here
	}
	if err != nil {
		return answer{}, err
	}
	return empty()
}

func (s *Server) deleteExperiment(c *call) (answer, error) {
	return s.setStage(c, schema.ExperimentActive, schema.ExperimentDeleted)
}

func (s *Server) restoreExperiment(c *call) (answer, error) {
	return s.setStage(c, schema.ExperimentDeleted, schema.ExperimentActive)
}

func (s *Server) setStage(c *call, from, to string) (answer, error) {
	o := c.message()
	id := o.required("experiment_id")
	if err := o.err(); err != nil {
		return answer{}, err
	}
	e, err := s.experiment(c.Context(), c.tenant, id)
	if err != nil {
		return answer{}, err
	}
	if e.Stage != from {
		return answer{}, missing("No Experiment with id=" + id + " exists")
	}
	if err := s.deps.Experiments.SetStage(c.Context(), c.tenant, id, to, time.Now().UnixMilli()); err != nil {
		return answer{}, changeError(err, "")
	}
	return empty()
}

func (s *Server) setExperimentTag(c *call) (answer, error) {
	o := c.message()
	id, key, value := o.required("experiment_id"), o.required("key"), o.text("value")
	o.atMost("key", key, maxExperimentTagKey)
	o.atMost("value", value, maxExperimentTagValue)
	return s.changeTag(c, o, id, key, &value)
}

func (s *Server) deleteExperimentTag(c *call) (answer, error) {
	o := c.message()
	id, key := o.required("experiment_id"), o.required("key")
	return s.changeTag(c, o, id, key, nil)
}

// changeTag sets or removes a tag of a living experiment.
func (s *Server) changeTag(c *call, o object, id, key string, value *string) (answer, error) {
	if err := o.err(); err != nil {
		return answer{}, err
	}
	e, err := s.activeExperiment(c.Context(), c.tenant, id)
	if err != nil {
		return answer{}, err
	}
	if _, set := e.Tags[key]; !set && value == nil {
		return answer{}, missing("No tag with name: " + key)
	}
	if err := s.deps.Experiments.SetTag(c.Context(), c.tenant, id, key, value); err != nil {
		return answer{}, changeError(err, "")
	}
	return empty()
}

// atMost notes a text that is longer than MLflow allows, in characters.
func (o object) atMost(name, text string, limit int) {
	if *o.problem == "" && utf8.RuneCountInString(text) > limit {
		*o.problem = fmt.Sprintf("'%s' exceeds the maximum length of %d characters", name, limit)
	}
}

const (
	defaultExperimentPage = 1000
	maxExperimentPage     = 50_000
)

// wrongPage refuses a page's size in MLflow's words.
func wrongPage(limit int64) error {
	if limit < 1 {
		return invalid(fmt.Sprintf("Invalid value %d for parameter 'max_results' supplied. It must be a positive integer", limit))
	}
	return invalid(fmt.Sprintf("Invalid value %d for parameter 'max_results' supplied:  Hint: Value was of type 'int'. %s", limit, seeDocs))
}

// searchExperiments lists a tenant's experiments, in pages.
func (s *Server) searchExperiments(c *call) (answer, error) {
	o := c.message()
	limit := int64(defaultExperimentPage)
	if o.has("max_results") {
		limit = o.integer("max_results")
	}
	search, err := parseExperimentSearch(o.enum("view_type"), o.text("filter"), o.list("order_by"))
	offset, tokenErr := pageOffset(o.text("page_token"))
	switch {
	case o.err() != nil:
		return answer{}, o.err()
	case limit < 1 || limit > maxExperimentPage:
		return answer{}, wrongPage(limit)
	case err != nil || tokenErr != nil:
		return answer{}, errors.Join(err, tokenErr)
	case !s.deps.Experiments.IsReady():
		return answer{}, later(reasonNotReady, "the experiments are not read yet: send again later", nil)
	}
	found := search.apply(s.deps.Experiments.List(c.tenant))
	found = found[min(offset, len(found)):]
	page := struct {
		Experiments []experimentJSON `json:"experiments,omitempty"`
		Token       string           `json:"next_page_token,omitempty"`
	}{}
	if int64(len(found)) > limit {
		found = found[:limit]
		page.Token = pageToken(offset + len(found))
	}
	for _, e := range found {
		page.Experiments = append(page.Experiments, experimentOf(c.tenant, e))
	}
	return reply(page)
}

// pageToken and pageOffset are MLflow's: a token says how many were given.
func pageToken(offset int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"offset": %d}`, offset))
}

func pageOffset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	var page struct {
		Offset *int `json:"offset"`
	}
	text, err := base64.StdEncoding.DecodeString(token)
	if err == nil {
		err = json.Unmarshal(text, &page)
	}
	if err != nil || page.Offset == nil || *page.Offset < 0 {
		return 0, invalid("Invalid page token")
	}
	return *page.Offset, nil
}
