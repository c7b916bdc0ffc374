package query

import "github.com/spanmill/spanmill/pkg/schema"

// Summary is what the tables have summed up of a trace's spans.
type Summary struct {
	// Spans is how many there are, Tells what they say that is not in Stand.
	Spans int
	Tells schema.Tells
	// Stand are spans that stand for them: with the same range of time, root's
	// status, resources and costs, and no attributes.
	Stand []Span
}

// Suffices reports whether the trace's info can be resolved without its spans:
// whatever they say of it, a client has told.
func (s *Summary) Suffices(t *TraceInfo) bool {
	told := func(what schema.Tells, is bool) bool { return is || s.Tells&what == 0 }
	has := func(metadata string) bool { return t.Metadata[metadata] != "" }
	return t.Finalized && len(s.Stand) > 0 &&
		told(schema.TellsTags, false) &&
		told(schema.TellsUsage, has(MetadataUsage)) && told(schema.TellsCost, has(MetadataCost)) &&
		told(schema.TellsSession, has(MetadataSession)) && told(schema.TellsUser, has(MetadataUser)) &&
		told(schema.TellsInput, t.RequestPreview != "") && told(schema.TellsOutput, t.ResponsePreview != "")
}

// ResolveSummary is Resolve by a summary that suffices.
func (t *TraceInfo) ResolveSummary(s *Summary, deleted []string) {
	t.Resolve(s.Stand, deleted)
	t.Spans = s.Spans
}
