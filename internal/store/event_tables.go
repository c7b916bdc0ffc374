package store

import "github.com/spanmill/spanmill/pkg/schema"

// Tables of what topic events tells, and of topic experiments.
const (
	TableTraceInfo      = "trace_info"
	TableTraceTags      = "trace_tags"
	TableAssessments    = "assessments"
	TableTraceDeletions = "trace_deletions"
	TableSpanContent    = "span_content"
	TableBusinessEvents = "business_events"
	TableExperiments    = "experiments"
)

// eventTable is where events of a kind go, "" if nowhere.
func eventTable(kind schema.EventKind) string {
	switch kind {
	case schema.EventTraceInfo:
		return TableTraceInfo
	case schema.EventTag:
		return TableTraceTags
	case schema.EventAssessment:
		return TableAssessments
	case schema.EventTraceDeleted:
		return TableTraceDeletions
	case schema.EventContent:
		return TableSpanContent
	case schema.EventBusiness:
		return TableBusinessEvents
	}
	return ""
}

// Events is the table of events of a kind, one of schema.StoredKinds.
func (s *Store) Events(kind schema.EventKind) *Table[*EventBlock] {
	return &Table[*EventBlock]{name: eventTable(kind), store: s, rangeSQL: rangeByOffset, rowSQL: "(src_offset, src_index)"}
}

// Experiments is table experiments.
func (s *Store) Experiments() *Table[*ExperimentBlock] {
	return &Table[*ExperimentBlock]{name: TableExperiments, store: s, rangeSQL: rangeByOffset, rowSQL: "(src_offset)"}
}

// eventTables are the tables of events.
func eventTables() (names []string) {
	for _, kind := range schema.StoredKinds() {
		names = append(names, eventTable(kind))
	}
	return names
}

// rowTables are the tables whose rows have a day and a retention.
func rowTables() []string { return append([]string{TableSpans, TableTraceParts}, eventTables()...) }

// aboutTraces are the tables whose rows a deletion of their trace hides.
func aboutTraces() []string {
	return []string{TableSpans, TableTraceParts, TableTraceInfo, TableTraceTags, TableAssessments, TableSpanContent, TableBusinessEvents}
}
