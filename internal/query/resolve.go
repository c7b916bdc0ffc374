package query

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// Attribute keys that say whose trace it is.
const (
	keySession      = "session.id"
	keyConversation = "gen_ai.conversation.id"
	keyUser         = "user.id"
)

// Resolve completes what clients told of a trace by what its spans say, by the
// rules of MLflow's server: what was told wins. spans are in order of arrival
// and need have only the attributes of KnownKeys; deleted are the keys of tags
// that somebody deleted.
func (t *TraceInfo) Resolve(spans []Span, deleted []string) {
	t.Spans = len(spans)
	t.resolveArrival(spans)
	t.resolveTimes(spans)
	t.resolveState(spans)
	t.resolveTags(spans, deleted)
	all := make([][]Attr, len(spans))
	for i := range spans {
		all[i] = spans[i].MLflowAttrs()
	}
	t.resolveIdentity(all)
	t.resolveCost(spans)
	t.resolveSums(spans, all)
	t.resolvePreviews(spans, all)
}

// resolveArrival tells what is still to be expected of the trace.
func (t *TraceInfo) resolveArrival(spans []Span) {
	for i := range spans {
		t.SpansMilli = max(t.SpansMilli, spans[i].ReceivedMilli)
		if _, sdk := find(spans[i].Attrs, keyRequestID); sdk {
			t.Announced = true // its root may be on its way, and the info is behind that
		}
	}
}

// resolveTimes takes the range that the spans cover for what was not told.
func (t *TraceInfo) resolveTimes(spans []Span) {
	if len(spans) == 0 {
		return
	}
	first, last := spans[0].StartUnixNano, spans[0].EndUnixNano
	for i := range spans {
		first = min(first, spans[i].StartUnixNano)
		last = max(last, spans[i].EndUnixNano)
	}
	if !t.Finalized {
		t.RequestMilli = int64(first / 1e6)
	}
	if last > 0 && !t.DurationMilli.Set {
		t.DurationMilli = schema.Count{N: max(last/1e6, first/1e6) - first/1e6, Set: true}
	}
}

// resolveState takes the root's status while nobody has told a final state.
func (t *TraceInfo) resolveState(spans []Span) {
	if t.State != "" && t.State != StateInProgress && t.State != StateUnspecified {
		return
	}
	if i := slices.IndexFunc(spans, func(s Span) bool { return s.ParentSpanID == "" }); i >= 0 {
		if t.State = StateOK; spans[i].StatusCode == 2 {
			t.State = StateError
		}
		return
	}
	if t.State == "" {
		t.State = StateInProgress
	}
}

// resolveTags adds resource attributes and the root's tags below those told.
func (t *TraceInfo) resolveTags(spans []Span, deleted []string) {
	tags := map[string]string{}
	for i := range spans {
		for _, a := range spans[i].ResourceAttrs {
			if !strings.HasPrefix(a.Key, "telemetry.sdk.") && !strings.HasPrefix(a.Key, "mlflow.") {
				tags[a.Key] = tagText(a.Value)
			}
		}
	}
	for i := range spans {
		if spans[i].ParentSpanID != "" {
			continue
		}
		for _, a := range spans[i].Attrs {
			if key, ok := strings.CutPrefix(a.Key, keyTagPrefix); ok && key != "" {
				tags[key] = tagText(a.Value.Unwrapped())
			}
		}
	}
	if len(spans) > 0 {
		tags[TagSpansLocation] = spansLocationStore
	}
	tags[TagArtifacts] = fmt.Sprintf("mlflow-artifacts:/%s/traces/%s/artifacts", t.ExperimentID, GivenID(t.TraceID))
	for _, key := range deleted {
		delete(tags, key)
	}
	for key, value := range tags {
		if _, told := t.Tags[key]; !told {
			t.Tags[key] = value
		}
	}
	t.resolveLinks()
}

// resolveLinks makes MLflow's tag of the links to prompts, and hides those that
// are no tags to its clients.
func (t *TraceInfo) resolveLinks() {
	var linked []json.RawMessage
	for _, key := range slices.Sorted(maps.Keys(t.Tags)) {
		if strings.HasPrefix(key, schema.TagLinkedPrompt) {
			linked = append(linked, json.RawMessage(t.Tags[key]))
		}
		if strings.HasPrefix(key, schema.TagLinkedPrompt) || strings.HasPrefix(key, schema.TagLinkedRun) {
			delete(t.Tags, key)
		}
	}
	if len(linked) == 0 {
		return
	}
	text, err := json.Marshal(append(asList(json.RawMessage(t.Tags[TagLinkedPrompts])), linked...))
	if err == nil { // every link is JSON, unless somebody made the tag by hand
		t.Tags[TagLinkedPrompts] = spaced(string(text))
	}
}

func tagText(v Value) string {
	if v.Type == schema.ValueString {
		return v.Text
	}
	return spaced(v.JSON())
}

// resolveIdentity takes the first session and user that a span names.
func (t *TraceInfo) resolveIdentity(all [][]Attr) {
	first := func(metadata string, keys ...string) {
		if t.Metadata[metadata] != "" {
			return
		}
		for _, attrs := range all {
			for _, key := range keys {
				if v, ok := find(attrs, key); ok && v.says() {
					t.Metadata[metadata] = tagText(v)
					return
				}
			}
		}
	}
	first(MetadataSession, keySession, keyConversation)
	first(MetadataUser, keyUser)
}

// resolveCost adds up what the price books say, unless a span has a cost of its
// own. No tree is needed: a parent that repeats its children's usage costs nothing.
func (t *TraceInfo) resolveCost(spans []Span) {
	if _, told := t.Metadata[MetadataCost]; told {
		return
	}
	var sum Cost
	for i := range spans {
		if _, own := find(spans[i].Attrs, keyCost); own {
			return
		}
		c := spans[i].Cost
		sum = Cost{sum.Input + c.Input, sum.Output + c.Output, sum.Known || c.Known}
	}
	if sum.Known {
		t.Metadata[MetadataCost] = sum.json()
	}
}

// resolveSums adds up usage and costs that spans have of their own over the tree
// of spans.
func (t *TraceInfo) resolveSums(spans []Span, all [][]Attr) {
	sum := func(metadata, key string, add func([]treeNode) string) {
		if _, told := t.Metadata[metadata]; told {
			return
		}
		nodes := make([]treeNode, len(spans))
		for i := range spans {
			nodes[i] = treeNode{id: spans[i].SpanID, parent: spans[i].ParentSpanID, data: members(all[i], key)}
		}
		if text := add(nodes); text != "" {
			t.Metadata[metadata] = text
		}
	}
	sum(MetadataUsage, keyUsage, sumUsage)
	sum(MetadataCost, keyCost, sumCost)
}

// members are an attribute's members that are numbers; nil: it is not there.
func members(attrs []Attr, key string) map[string]json.Number {
	v, ok := find(attrs, key)
	if !ok || v.Type != schema.ValueMap {
		return nil
	}
	var all map[string]any
	d := json.NewDecoder(strings.NewReader(v.Text))
	d.UseNumber()
	if d.Decode(&all) != nil {
		return nil
	}
	numbers := map[string]json.Number{}
	for name, value := range all {
		if n, ok := value.(json.Number); ok {
			numbers[name] = n
		}
	}
	return numbers
}

// resolvePreviews takes the root's content.
func (t *TraceInfo) resolvePreviews(spans []Span, all [][]Attr) {
	for i := range spans {
		if spans[i].ParentSpanID != "" {
			continue
		}
		if v, ok := find(all[i], keyInputs); ok && t.RequestPreview == "" {
			t.RequestPreview = preview(v, "user")
		}
		if v, ok := find(all[i], keyOutputs); ok && t.ResponsePreview == "" {
			t.ResponsePreview = preview(v, "assistant")
		}
	}
}
