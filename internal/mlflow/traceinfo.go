package mlflow

// location is where a trace belongs.
type locationJSON struct {
	Type       string `json:"type"`
	Experiment struct {
		ID string `json:"experiment_id"`
	} `json:"mlflow_experiment"`
}

func locationOf(experiment string) locationJSON {
	l := locationJSON{Type: typeExperiment}
	l.Experiment.ID = experiment
	return l
}

// traceInfoJSON is a trace info as MLflow's clients read it.
type traceInfoJSON struct {
	ID              string            `json:"trace_id"`
	ClientRequestID string            `json:"client_request_id,omitempty"`
	Location        locationJSON      `json:"trace_location"`
	RequestTime     string            `json:"request_time"`
	Duration        string            `json:"execution_duration,omitempty"`
	State           string            `json:"state"`
	Metadata        map[string]string `json:"trace_metadata,omitempty"`
	Assessments     []assessmentJSON  `json:"assessments,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
	RequestPreview  string            `json:"request_preview,omitempty"`
	ResponsePreview string            `json:"response_preview,omitempty"`
}

// appendTo writes a trace info as encode does. Every trace has one as an answer,
// and encoding/json takes several times as long.
func (i *traceInfoJSON) appendTo(dst []byte) []byte {
	dst = appendText(append(dst, `{"trace_id":`...), i.ID)
	dst = appendField(dst, "client_request_id", i.ClientRequestID)
	dst = appendText(append(dst, `,"trace_location":{"type":`...), i.Location.Type)
	dst = appendText(append(dst, `,"mlflow_experiment":{"experiment_id":`...), i.Location.Experiment.ID)
	dst = appendText(append(dst, `}},"request_time":`...), i.RequestTime)
	dst = appendField(dst, "execution_duration", i.Duration)
	dst = appendText(append(dst, `,"state":`...), i.State)
	if len(i.Metadata) > 0 {
		dst = appendTexts(append(dst, `,"trace_metadata":`...), i.Metadata)
	}
	if len(i.Assessments) > 0 {
		dst = append(append(dst, `,"assessments":`...), encode(i.Assessments)...)
	}
	if len(i.Tags) > 0 {
		dst = appendTexts(append(dst, `,"tags":`...), i.Tags)
	}
	dst = appendField(dst, "request_preview", i.RequestPreview)
	dst = appendField(dst, "response_preview", i.ResponsePreview)
	return append(dst, '}')
}

// appendField writes a field that is left out if it is empty.
func appendField(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return appendText(dst, value)
}

// size is about what appendTo writes, in bytes.
func (i *traceInfoJSON) size() int {
	texts := len(i.RequestPreview) + len(i.ResponsePreview)
	for _, m := range []map[string]string{i.Metadata, i.Tags} {
		for key, value := range m {
			texts += len(key) + len(value) + len(`"":"",`)
		}
	}
	return 512 + texts + texts/8 // the quotes within are escaped
}
