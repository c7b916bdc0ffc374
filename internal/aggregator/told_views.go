package aggregator

import "github.com/spanmill/spanmill/pkg/schema/rollup"

// Metrics of what is told beside spans. They number from 0 like those of spans:
// no view has both.
const (
	assessments metric = iota
	assessmentErrors
	score
	passed
	labelled
	ratedTraces
	agreement
	verdictPairs
	safetyViolation
	piiFound
	thumbsUp
	csat
	csatSatisfied
	nps
	rating
	events
	eventValue
	taskSuccess
	toldUsers
	toldSessions
	toldCount
)

// toldDefinitions are what topic rollups calls them.
var toldDefinitions = [toldCount]definition{
	assessments:      {"assessments", counted, "assessments"},
	assessmentErrors: {"assessment_errors", shared, "assessments"},
	score:            {"score", graded, "1e-6"},
	passed:           {"passed", shared, "assessments"},
	labelled:         {"labelled", counted, "assessments"},
	ratedTraces:      {"rated_traces", counted, "traces"},
	agreement:        {"agreement", shared, "traces"},
	verdictPairs:     {"verdict_pairs", counted, "traces"},
	safetyViolation:  {"safety_violation", shared, "assessments"},
	piiFound:         {"pii_found", shared, "assessments"},
	thumbsUp:         {"thumbs_up", shared, "events"},
	csat:             {"csat", graded, "1e-6 points"},
	csatSatisfied:    {"csat_satisfied", shared, "events"},
	nps:              {"nps", added, "1/100 of a point"},
	rating:           {"rating", graded, "1e-6 points"},
	events:           {"events", counted, "events"},
	eventValue:       {"event_value", bounded, "1e-6"},
	taskSuccess:      {"task_success", shared, "tasks"},
	toldUsers:        {"users", distinct, "users"},
	toldSessions:     {"sessions", distinct, "sessions"},
}

var happened = setOf(events, eventValue, toldUsers, toldSessions)

// Places of the views of what is told, in toldViews.
const (
	viewAssessment = iota
	viewLabel
	viewRated
	viewAgreement
	viewVerdicts
	viewSafety
	viewFeedback
	viewEvent
	viewOutcome
	viewHandoff
	viewGoal
	viewTicket
	viewTask
	viewTaskEnd
	viewFeature
)

// toldViews are the series of what is told beside spans. A name never changes
// its meaning.
var toldViews = []view{
	viewAssessment: toldView("assessment", setOf(assessments, assessmentErrors, score, passed, labelled), "name", "source"),
	viewLabel:      toldView("assessment_label", setOf(labelled), "name", "source", "label"),
	viewRated:      toldView("rated", setOf(ratedTraces), "name"),
	viewAgreement:  toldView("agreement", setOf(agreement), "name"),
	viewVerdicts:   toldView("verdicts", setOf(verdictPairs), "name", "human", "judge"),
	viewSafety:     toldView("safety", setOf(safetyViolation, piiFound), "name"),
	viewFeedback:   toldView("feedback", setOf(thumbsUp, csat, csatSatisfied, nps, rating), "experiment"),
	viewEvent:      toldView("event", happened, "event"),
	viewOutcome:    toldView("outcome", happened, "outcome"),
	viewHandoff:    toldView("handoff", happened, "to", "reason"),
	viewGoal:       toldView("goal", happened, "goal"),
	viewTicket:     toldView("ticket", happened, "state"),
	viewTask:       toldView("task", happened, "task", "state"),
	viewTaskEnd:    toldView("task_end", setOf(taskSuccess), "task"),
	viewFeature:    toldView("feature", happened, "feature"),
}

func toldView(name string, metrics metricSet, labels ...string) view {
	return view{name: name, metrics: metrics, named: labels, defined: toldDefinitions[:]}
}

// retract takes back from a partial what add put into one. What has bounds, or
// counts different values, cannot be.
func (k form) retract(p *rollup.Partial, o rollup.Observation) {
	switch k {
	case counted, added, shared:
		p.Remove(o)
	case graded:
		p.Retract(o)
	case bounded, measured, distinct:
	}
}
