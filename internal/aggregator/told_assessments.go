package aggregator

import (
	"cmp"

	"github.com/spanmill/spanmill/internal/dedup"
	"github.com/spanmill/spanmill/pkg/schema"
)

// judged is an assessment as it is now. A partition has up to fifty thousand, so
// its flags lie together and its source is a number.
type judged struct {
	fp, trace     dedup.Fingerprint
	before, after *judged // of the trace's list

	// base and gone are the marks of when it was told in full last, if it was not
	// deleted by then, and of when it was deleted; 0: that is not in the window.
	base, gone uint64

	name     string
	reading  reading
	created  uint64 // Unix nanoseconds; as received where it does not say
	received int64  // Unix milliseconds
	in       *group // nil: it counts in none

	source        source
	feedback      bool // no expectation, and no issue
	failed, valid bool
	eval, counted bool
}

// Kinds of sources.
const (
	people = iota
	judges
	others
	sourceKinds
)

// source is who made an assessment.
type source uint8

const (
	otherSource source = iota
	humanSource
	judgeSource
	codeSource
)

// Sources, as labels.
const (
	sourceHuman = "HUMAN"
	sourceJudge = "LLM_JUDGE"
	sourceCode  = "CODE"
	sourceOther = "OTHER"
)

var sourceLabels = [...]string{otherSource: sourceOther, humanSource: sourceHuman, judgeSource: sourceJudge, codeSource: sourceCode}

func (s source) label() string { return sourceLabels[s] }

func sourceOf(text string) source {
	switch text {
	case sourceHuman:
		return humanSource
	case sourceJudge, "AI_JUDGE": // what MLflow called it before
		return judgeSource
	case sourceCode:
		return codeSource
	}
	return otherSource
}

func (j *judged) kind() int {
	switch j.source {
	case humanSource:
		return people
	case judgeSource:
		return judges
	case codeSource, otherSource:
	}
	return others
}

// compare orders by when they were made.
func (j *judged) compare(o *judged) int {
	if n := cmp.Compare(j.created, o.created); n != 0 {
		return n
	}
	switch {
	case j.fp.Less(o.fp):
		return -1
	case o.fp.Less(j.fp):
		return 1
	}
	return 0
}

// wholeFields decide what an assessment adds; one that is told in full has all of
// them.
const wholeFields = schema.AssessmentName | schema.AssessmentSource | schema.AssessmentValue |
	schema.AssessmentMetadata | schema.AssessmentValid | schema.AssessmentCreated

// sourceRun marks, in an assessment's metadata, that an evaluation run made it.
const sourceRun = "mlflow.assessment.sourceRunId"

// assess takes back what an assessment had added, and adds what it does now.
func (c *toldCore) assess(e *schema.Event, at telling) {
	a, fp := e.Assessment, c.hasher.KeyOf(at.tenant, e.TraceID, e.Assessment.ID)
	whole := a.Mask&wholeFields == wholeFields
	known := c.memory.judged[fp]
	if known == nil || known.base == 0 {
		// What an unknown one had added, if it had, stays.
		deletedBefore := known != nil && known.gone != 0
		if !whole && !deletedBefore && (a.Deleted || a.Mask&wholeFields != 0) {
			c.counts.unresolved++
		}
		if !whole && !a.Deleted {
			return
		}
	}
	j := c.memory.assessment(fp, c.hasher.KeyOf(at.tenant, e.TraceID))
	c.withdraw(j)
	if a.Deleted {
		j.base, j.gone = 0, c.memory.keep(at.offset, fp, j)
		return
	}
	if whole {
		mark := c.memory.keep(at.offset, fp, j)
		if j.gone != 0 {
			return // gone, in whatever order that was told
		}
		j.base, j.received = mark, at.received
		c.counts.assessed++
	}
	c.change(j, a)
	c.enter(j)
}

// change sets the fields that an event has.
func (c *toldCore) change(j *judged, a *schema.Assessment) {
	has := func(f schema.AssessmentField) bool { return a.Mask&f != 0 }
	if has(schema.AssessmentName) {
		j.name = label(a.Name)
	}
	if has(schema.AssessmentSource) {
		j.source = sourceOf(a.SourceType)
	}
	if has(schema.AssessmentValue) {
		j.feedback, j.failed = a.Type == "feedback", a.Error != nil
		var refused bool
		if j.reading, refused = readingOf(a.Value); refused {
			c.counts.refused++
		}
	}
	if has(schema.AssessmentMetadata) {
		j.eval = a.Metadata[sourceRun] != ""
	}
	if has(schema.AssessmentValid) {
		j.valid = a.Valid
	}
	if has(schema.AssessmentCreated) {
		if j.created = uint64(max(a.CreateMilli, 0)) * 1_000_000; j.created == 0 {
			j.created = uint64(max(j.received, 0)) * 1_000_000
		}
	}
}

// dropTrace takes back what the assessments of a trace had added: it is deleted,
// and what is told of it from now on is of a new trace.
func (c *toldCore) dropTrace(trace dedup.Fingerprint) {
	for _, j := range c.memory.ofTrace(trace) {
		c.withdraw(j)
		j.base, j.gone = 0, 0
		c.memory.tidy(j)
	}
}

// withdraw takes back what an assessment had added, by itself and with others.
func (c *toldCore) withdraw(j *judged) {
	if !j.counted {
		return
	}
	j.counted = false
	c.alone(j, true)
	g := j.in
	if g == nil {
		return
	}
	c.together(g, true)
	if c.memory.part(j) {
		c.together(g, false)
	}
}

// enter adds what an assessment does, if it counts.
func (c *toldCore) enter(j *judged) {
	if !j.valid || !j.feedback || j.name == "" {
		return
	}
	j.counted = true
	c.alone(j, false)
	if j.failed {
		return
	}
	g := c.memory.group(c.hasher.Within(j.trace, j.name, j.eval))
	if !g.empty() {
		c.together(g, true)
	}
	c.memory.join(j, g)
	c.together(g, false)
}

// pane is the pane of when an assessment was made.
func (j *judged) pane() int64 { return telling{received: j.received}.pane(j.created) }

// alone is what an assessment adds by itself.
func (c *toldCore) alone(j *judged, retract bool) {
	c.facts.eval = j.eval
	a := addition{c.series(viewAssessment, j.name, j.source.label()), j.pane(), retract}
	c.put(a, assessments, 1)
	c.put(a, assessmentErrors, one(j.failed))
	if j.reading.scored {
		c.put(a, score, j.reading.score)
	}
	verdict := c.rules.verdict(j.name, j.reading)
	if verdict != undecided {
		c.put(a, passed, one(verdict == pass))
	}
	if s, there := c.rules[j.name]; there && s.flags != 0 && verdict != undecided {
		c.put(addition{c.series(viewSafety, j.name), a.pane, retract}, s.flags, one(verdict == s.on))
	}
	if j.reading.word != "" {
		c.put(a, labelled, 1)
		c.put(addition{c.series(viewLabel, j.name, j.source.label(), label(j.reading.word)), a.pane, retract}, labelled, 1)
	}
}

// together is what the assessments of a trace by one name add: that it is
// assessed, and whether people and judges agree, as either said last.
func (c *toldCore) together(g *group, retract bool) {
	first := g.first()
	c.facts.eval = first.eval
	c.put(addition{c.series(viewRated, first.name), first.pane(), retract}, ratedTraces, 1)
	human, judge := g.last(people), g.last(judges)
	if human == nil || judge == nil || human.reading == (reading{}) || judge.reading == (reading{}) {
		return
	}
	h, v := c.rules.verdict(human.name, human.reading), c.rules.verdict(judge.name, judge.reading)
	agree := human.reading == judge.reading
	pane := max(human.pane(), judge.pane())
	if h != undecided && v != undecided {
		agree = h == v
		c.put(addition{c.series(viewVerdicts, first.name, h.String(), v.String()), pane, retract}, verdictPairs, 1)
	}
	c.put(addition{c.series(viewAgreement, first.name), pane, retract}, agreement, one(agree))
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
