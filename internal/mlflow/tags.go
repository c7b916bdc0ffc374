package mlflow

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spanmill/spanmill/pkg/schema"
)

// MLflow's bounds of a trace's tags, in characters: longer keys are refused,
// longer values cut.
const (
	maxTagKey   = 250
	maxTagValue = 4096
)

func (s *Server) setTag(c *call) (answer, error) {
	o := c.message()
	key, value := o.required("key"), o.text("value")
	if !validTagKey(key) {
		*o.problem = fmt.Sprintf("Invalid value %q for parameter 'key' supplied: %s", key, keyRule)
	}
	o.atMost("key", key, maxTagKey)
	return s.changeTraceTag(c, o, schema.Tag{Key: key, Value: cut(value, maxTagValue)})
}

func (s *Server) deleteTag(c *call) (answer, error) {
	o := c.message()
	return s.changeTraceTag(c, o, schema.Tag{Key: o.required("key"), Deleted: true})
}

// changeTraceTag tells of one tag of the trace in the path.
func (s *Server) changeTraceTag(c *call, o object, tag schema.Tag) (answer, error) {
	id := c.PathValue("trace")
	if reserved(tag.Key) {
		o.wrong("key", "no key of spanmill's own")
	}
	if err := o.err(); err != nil {
		return answer{}, err
	}
	err := s.known(c.Context(), c.tenant, id)
	if err != nil && (!tag.Deleted || !isMissing(err)) {
		return answer{}, err
	}
	if tag.Deleted && (err != nil || !s.tagged(c, id, tag.Key)) {
		return answer{}, missing("No trace tag with key '" + tag.Key + "' for trace with ID '" + id + "'")
	}
	events := []schema.Event{{Kind: schema.EventTag, TraceID: hexOf(id), Tag: &tag}}
	if err := s.deps.Events.Publish(c.Context(), c.tenant, events); err != nil {
		return answer{}, err
	}
	return empty()
}

// tagged reports whether a trace has a tag, or will in a moment, or nobody can
// tell.
func (s *Server) tagged(c *call, id, key string) bool {
	if s.deps.Reader == nil {
		return true
	}
	found, err := s.await(c.Context(), func(ctx context.Context) (bool, error) {
		infos, err := s.deps.Reader.TraceInfos(ctx, c.tenant, []string{hexOf(id)})
		if err != nil || len(infos) == 0 {
			return false, err
		}
		_, set := infos[0].Tags[key]
		return set, nil
	})
	return found || err != nil
}

// reserved reports whether a key is one that links are kept under.
func reserved(key string) bool {
	return strings.HasPrefix(key, schema.TagLinkedRun) || strings.HasPrefix(key, schema.TagLinkedPrompt)
}

// keyRule is MLflow's.
const keyRule = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."

func validTagKey(key string) bool {
	return strings.IndexFunc(key, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-. :/", r)
	}) < 0
}

// cut shortens a text to a number of characters.
func cut(text string, limit int) string {
	if len(text) <= limit || utf8.RuneCountInString(text) <= limit {
		return text
	}
	n := 0
	for i := range text {
		if n == limit {
			return text[:i]
		}
		n++
	}
	return text
}
