package mlflow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Kinds of an assessment, as their member is called.
const (
	typeFeedback    = "feedback"
	typeExpectation = "expectation"
	typeIssue       = "issue"
)

func assessmentRoutes() []route {
	const all, one = "/3.0/mlflow/traces/{trace}/assessments", "/3.0/mlflow/traces/{trace}/assessments/{assessment}"
	return []route{
		{method: "POST", path: all, needs: write, handle: (*Server).createAssessment},
		{method: "GET", path: one, needs: read, reads: true, handle: (*Server).getAssessment},
		{method: "PATCH", path: one, needs: write, handle: (*Server).updateAssessment},
		{method: "DELETE", path: one, needs: write, handle: (*Server).deleteAssessment},
	}
}

// judgement is an assessment on its way in.
type judgement struct {
	schema.Assessment
}

// events tell of a new assessment, and that the one it replaces holds no more,
// which is no update of that one.
func (j judgement) events(traceID string) []schema.Event {
	events := []schema.Event{{Kind: schema.EventAssessment, TraceID: traceID, Assessment: &j.Assessment}}
	if j.Overrides == "" {
		return events
	}
	return append(events, schema.Event{
		Kind: schema.EventAssessment, TraceID: traceID,
		Assessment: &schema.Assessment{ID: j.Overrides, Mask: schema.AssessmentValid},
	})
}

// newAssessment reads an assessment that a client makes.
func newAssessment(trace string, sent object) (judgement, error) {
	now := time.Now().UnixMilli()
	j := judgement{readAssessment(sent)}
	j.Mask = schema.AssessmentAll
	if !sent.has("valid") {
		j.Valid = true
	}
	if j.Type == "" && sent.err() == nil {
		*sent.problem = "Unknown assessment type: None"
	}
	j.ID = newAssessmentID(trace, sent)
	if j.CreateMilli == 0 {
		j.CreateMilli = now
	}
	if j.UpdateMilli == 0 {
		j.UpdateMilli = j.CreateMilli
	}
	return j, sent.err()
}

// newAssessmentID makes an id of what was sent, with the time at which the client
// made it: a client that sends again because it heard nothing makes no second one.
func newAssessmentID(trace string, sent object) string {
	var id [16]byte
	if !sent.has("create_time") {
		rand.Read(id[:]) // never fails: crypto/rand ends the process instead
		return "a-" + hex.EncodeToString(id[:])
	}
	fields := make(map[string]json.RawMessage)
	for i := 0; i < len(sent.fields); i += 1 + sent.fields[i].within {
		fields[string(sent.fields[i].name)] = sent.fields[i].value
	}
	content, err := json.Marshal(fields) // keys in order
	if err != nil {
		content = []byte(sent.text("assessment_name"))
	}
	hash := sha256.Sum256(append([]byte(trace+"\x00"), content...))
	return "a-" + hex.EncodeToString(hash[:len(id)])
}

// readAssessment reads the fields that were sent.
func readAssessment(sent object) schema.Assessment {
	source := sent.object("source")
	a := schema.Assessment{
		Name:        sent.text("assessment_name"),
		SourceType:  sourceType(source.enum("source_type")),
		SourceID:    source.text("source_id"),
		CreateMilli: sent.milli("create_time"), UpdateMilli: sent.milli("last_update_time"),
		Rationale: sent.text("rationale"),
		Metadata:  sent.texts("metadata"),
		SpanID:    sent.text("span_id"),
		Overrides: sent.text("overrides"),
		Valid:     sent.boolean("valid"),
	}
	readValue(&a, sent)
	return a
}

// sourceType knows MLflow's sources; any other is unspecified, as MLflow has it.
func sourceType(sent string) string {
	switch sent {
	case "HUMAN", "LLM_JUDGE", "CODE":
		return sent
	case "1":
		return "HUMAN"
	case "2":
		return "LLM_JUDGE"
	case "3":
		return "CODE"
	}
	return "SOURCE_TYPE_UNSPECIFIED"
}

// readValue reads which kind of assessment it is, the first of several, and
// what it says.
func readValue(a *schema.Assessment, sent object) {
	for _, kind := range []string{typeFeedback, typeExpectation, typeIssue} {
		if !sent.has(kind) {
			continue
		}
		if a.Type != "" {
			return
		}
		a.Type = kind
		value := sent.object(kind)
		switch kind {
		case typeIssue:
			a.Value = string(sent.get(kind))
		case typeExpectation:
			if serialized := value.object("serialized_value"); value.has("serialized_value") {
				a.Serialized, a.Value = true, serialized.text("value")
				continue
			}
			a.Value = protoValue(value, "value")
		case typeFeedback:
			a.Value = protoValue(value, "value")
			if value.has("error") {
				e := value.object("error")
				a.Error = &schema.AssessmentError{Code: e.text("error_code"), Message: e.text("error_message"), Stack: e.text("stack_trace")}
			}
		}
	}
}

// assessmentJSON is an assessment as MLflow's clients read it.
type assessmentJSON struct {
	ID          string            `json:"assessment_id"`
	Name        string            `json:"assessment_name"`
	TraceID     string            `json:"trace_id"`
	SpanID      string            `json:"span_id,omitempty"`
	Source      sourceJSON        `json:"source"`
	Created     string            `json:"create_time"`
	Updated     string            `json:"last_update_time"`
	Feedback    *feedbackJSON     `json:"feedback,omitempty"`
	Expectation *expectationJSON  `json:"expectation,omitempty"`
	Issue       json.RawMessage   `json:"issue,omitempty"`
	Rationale   string            `json:"rationale,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Overrides   string            `json:"overrides,omitempty"`
	Valid       bool              `json:"valid"`
}

type sourceJSON struct {
	Type string `json:"source_type"`
	ID   string `json:"source_id,omitempty"`
}

type feedbackJSON struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error *errorJSON      `json:"error,omitempty"`
}

type errorJSON struct {
	Code    string `json:"error_code,omitempty"`
	Message string `json:"error_message,omitempty"`
	Stack   string `json:"stack_trace,omitempty"`
}

type expectationJSON struct {
	Value      json.RawMessage `json:"value,omitempty"`
	Serialized *serializedJSON `json:"serialized_value,omitempty"`
}

type serializedJSON struct {
	Format string `json:"serialization_format"`
	Value  string `json:"value"`
}

// assessmentOf is an assessment of a trace for its clients.
func assessmentOf(trace string, a schema.Assessment) assessmentJSON {
	out := assessmentJSON{
		ID: a.ID, Name: a.Name, TraceID: trace, SpanID: a.SpanID, Source: sourceJSON{a.SourceType, a.SourceID},
		Created: formatMilli(a.CreateMilli), Updated: formatMilli(a.UpdateMilli),
		Rationale: a.Rationale, Metadata: a.Metadata, Overrides: a.Overrides, Valid: a.Valid,
	}
	value := json.RawMessage(a.Value)
	switch a.Type {
	case typeFeedback:
		if a.Value == "" {
			value = json.RawMessage("null") // an error has no value, which MLflow says
		}
		out.Feedback = &feedbackJSON{Value: value}
		if a.Error != nil {
			out.Feedback.Error = &errorJSON{a.Error.Code, a.Error.Message, a.Error.Stack}
		}
	case typeExpectation:
		out.Expectation = &expectationJSON{Value: value}
		if a.Serialized {
			out.Expectation = &expectationJSON{Serialized: &serializedJSON{"JSON_FORMAT", a.Value}}
		}
	case typeIssue:
		out.Issue = value
	}
	return out
}

func replyAssessment(trace string, a schema.Assessment) (answer, error) {
	return reply(struct {
		Assessment assessmentJSON `json:"assessment"`
	}{assessmentOf(trace, a)})
}

func (s *Server) createAssessment(c *call) (answer, error) {
	o := c.message()
	trace := c.PathValue("trace")
	if !o.has("assessment") {
		o.lacks("assessment")
	}
	made, err := newAssessment(trace, o.object("assessment"))
	if err != nil {
		return answer{}, err
	}
	if err := s.known(c.Context(), c.tenant, trace); err != nil {
		return answer{}, err
	}
	if made.Overrides != "" {
		if _, err := s.assessment(c.Context(), c.tenant, trace, made.Overrides); isMissing(err) {
			return answer{}, err
		}
	}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, made.events(hexOf(trace))); err != nil {
		return answer{}, err
	}
	return replyAssessment(trace, made.Assessment)
}

// assessment asks for an assessment that may be on its way to the tables.
func (s *Server) assessment(ctx context.Context, tenant, trace, id string) (a schema.Assessment, err error) {
	if s.deps.Reader == nil {
		return a, later(reasonStore, "nobody here can read", nil)
	}
	found, err := s.await(ctx, func(ctx context.Context) (found bool, err error) {
		a, found, err = s.deps.Reader.Assessment(ctx, tenant, hexOf(trace), id)
		return found, err
	})
	switch {
	case err != nil:
		return a, later(reasonStore, "the tables cannot be asked at the moment: send again later", err)
	case !found:
		return a, missing("Assessment with ID '" + id + "' not found for trace '" + trace + "'")
	}
	return a, nil
}

// isMissing tells what is not there from what could not be asked for.
func isMissing(err error) bool { return err != nil && asError(err).Status == http.StatusNotFound }

func (s *Server) getAssessment(c *call) (answer, error) {
	trace := c.PathValue("trace")
	a, err := s.assessment(c.Context(), c.tenant, trace, c.PathValue("assessment"))
	if isMissing(err) && isMissing(s.known(c.Context(), c.tenant, trace)) {
		err = missing("Trace with request_id '" + trace + "' not found")
	}
	if err != nil {
		return answer{}, err
	}
	return replyAssessment(trace, a)
}

// updateAssessment tells of the fields that the mask names, and of no other: an
// update that is sent twice, or beside another, leaves the others alone.
func (s *Server) updateAssessment(c *call) (answer, error) {
	o := c.message()
	trace, sent := c.PathValue("trace"), o.object("assessment")
	if !o.has("assessment") {
		o.lacks("assessment")
	}
	change := readAssessment(sent)
	change.ID, change.Mask, change.UpdateMilli = c.PathValue("assessment"), masked(o.required("update_mask")), time.Now().UnixMilli()
	if change.Mask&schema.AssessmentValue != 0 && change.Type == "" {
		sent.lacks("feedback, expectation or issue")
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	now, err := s.assessment(c.Context(), c.tenant, trace, change.ID)
	if isMissing(err) {
		if unknown := s.known(c.Context(), c.tenant, trace); unknown != nil {
			err = unknown
		}
		return answer{}, err
	}
	if err == nil && change.Mask&schema.AssessmentValue != 0 && change.Type != now.Type {
		return answer{}, invalid(fmt.Sprintf("Cannot update %s value on %s assessment.", change.Type, withArticle[now.Type]))
	}
	if err == nil && change.Mask&schema.AssessmentMetadata != 0 {
		change.Metadata = over(now.Metadata, change.Metadata) // MLflow adds keys and takes none away
	}
	events := []schema.Event{{Kind: schema.EventAssessment, TraceID: hexOf(trace), Assessment: &change}}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	now.ID = change.ID
	return replyAssessment(trace, merged(now, change))
}

// withArticle are the kinds in MLflow's messages.
var withArticle = map[string]string{typeFeedback: "a Feedback", typeExpectation: "an Expectation", typeIssue: "an Issue"}

// masked reads an update mask, names with commas between. Unknown ones are
// ignored, as MLflow does.
func masked(mask string) (fields schema.AssessmentField) {
	for name := range strings.SplitSeq(mask, ",") {
		switch strings.TrimSpace(name) {
		case "assessmentName", "assessment_name":
			fields |= schema.AssessmentName
		case "source":
			fields |= schema.AssessmentSource
		case "feedback", "expectation", "issue":
			fields |= schema.AssessmentValue
		case "rationale":
			fields |= schema.AssessmentRationale
		case "metadata":
			fields |= schema.AssessmentMetadata
		case "spanId", "span_id":
			fields |= schema.AssessmentSpan
		case "overrides":
			fields |= schema.AssessmentOverrides
		case "valid":
			fields |= schema.AssessmentValid
		}
	}
	return fields
}

// merged is an assessment with the fields that a change names.
func merged(a, change schema.Assessment) schema.Assessment {
	has := func(f schema.AssessmentField) bool { return change.Mask&f != 0 }
	if has(schema.AssessmentName) {
		a.Name = change.Name
	}
	if has(schema.AssessmentSource) {
		a.SourceType, a.SourceID = change.SourceType, change.SourceID
	}
	if has(schema.AssessmentValue) {
		a.Type, a.Value, a.Serialized, a.Error = change.Type, change.Value, change.Serialized, change.Error
	}
	if has(schema.AssessmentRationale) {
		a.Rationale = change.Rationale
	}
	if has(schema.AssessmentMetadata) {
		a.Metadata = change.Metadata
	}
	if has(schema.AssessmentSpan) {
		a.SpanID = change.SpanID
	}
	if has(schema.AssessmentOverrides) {
		a.Overrides = change.Overrides
	}
	if has(schema.AssessmentValid) {
		a.Valid = change.Valid
	}
	a.UpdateMilli = change.UpdateMilli
	return a
}

// deleteAssessment may be asked twice: what is gone is gone.
func (s *Server) deleteAssessment(c *call) (answer, error) {
	trace := c.PathValue("trace")
	err := s.known(c.Context(), c.tenant, trace)
	if isMissing(err) {
		return empty()
	}
	if err != nil {
		return answer{}, err
	}
	events := []schema.Event{{Kind: schema.EventAssessment, TraceID: hexOf(trace), Assessment: &schema.Assessment{
		ID: c.PathValue("assessment"), Deleted: true, UpdateMilli: time.Now().UnixMilli(),
	}}}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	return empty()
}
