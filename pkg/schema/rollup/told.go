package rollup

// toldDefinitions are the metrics of what is told beside spans: assessments and
// business events. What assessments add is taken back when they are changed or
// deleted, so none of it has bounds.
var toldDefinitions = []Definition{
	{"assessments", Counted, "assessments", 1, "Feedback of people, judges and code, as it is now."},
	{"assessment_errors", Share, "assessments", 1, "Of them, those whose judge gave no value."},
	{"score", Graded, "score", 1e-6, "Values that are numbers; yes, true and pass are 1, no, false and fail are 0."},
	{"passed", Share, "assessments", 1, "Of those that pass or fail, the ones that passed."},
	{"labelled", Counted, "assessments", 1, "Values that are a word or two."},
	{"rated_traces", Counted, "traces", 1, "Traces that have an assessment of the name, in the pane of their first."},
	{"agreement", Share, "traces", 1, "Of traces that a person and a judge have assessed by the same name, those where they agree."},
	{"verdict_pairs", Counted, "traces", 1, "Those of them where both pass or fail, by what each says."},
	{"safety_violation", Share, "assessments", 1, "Of safety scorers' verdicts, those that found something unsafe."},
	{"pii_found", Share, "assessments", 1, "Of verdicts about personal data, those that found some."},
	{"thumbs_up", Share, "events", 1, "Of thumbs, those that point up."},
	{"csat", Graded, "points", 1e-6, "Satisfaction, from 1 to 5."},
	{"csat_satisfied", Share, "events", 1, "Of answers about satisfaction, the 4s and 5s."},
	{"nps", Added, "points", 100, "Promoters (9 and 10) count 1, detractors (0 to 6) −1; the mean is the net promoter score, from −100 to 100."},
	{"rating", Graded, "points", 1e-6, "Feedback on a scale of its own."},
	{"events", Counted, "events", 1, "Business events, each id once."},
	{"event_value", Bounded, "value", 1e-6, "Values of business events that have one: money, minutes, points."},
	{"task_success", Share, "tasks", 1, "Of tasks that completed, failed or were abandoned, those that completed."},
}

var happened = []string{"events", "event_value", "users", "sessions"}

// toldViews are the series of what is told beside spans.
var toldViews = []ViewDefinition{
	{"assessment", "assessments", []string{"name", "source"}, []string{"assessments", "assessment_errors", "score", "passed", "labelled"}},
	{"assessment_label", "assessments whose value is a word or two", []string{"name", "source", "label"}, []string{"labelled"}},
	{"rated", "traces that are assessed", []string{"name"}, []string{"rated_traces"}},
	{"agreement", "traces that a person and a judge assessed", []string{"name"}, []string{"agreement"}},
	{"verdicts", "traces where a person and a judge gave a verdict", []string{"name", LabelHuman, LabelJudge}, []string{"verdict_pairs"}},
	{"safety", "verdicts of scorers that look for harm or personal data", []string{"name"}, []string{"safety_violation", "pii_found"}},
	{"feedback", "business events feedback", []string{"experiment"}, []string{"thumbs_up", "csat", "csat_satisfied", "nps", "rating"}},
	{"event", "all business events", []string{"event"}, happened},
	{"outcome", "business events session.outcome", []string{"outcome"}, happened},
	{"handoff", "business events handoff", []string{"to", "reason"}, happened},
	{"goal", "business events goal", []string{"goal"}, happened},
	{"ticket", "business events ticket", []string{"state"}, happened},
	{"task", "business events task", []string{"task", "state"}, happened},
	{"task_end", "business events task that end one", []string{"task"}, []string{"task_success"}},
	{"feature", "business events feature.use", []string{"feature"}, happened},
}
