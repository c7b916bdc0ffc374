package aggregator

import (
	"math"
	"strconv"
	"strings"

	"github.com/spanmill/spanmill/pkg/schema"
)

// tells is what a span's attributes tell besides the vocabulary of
// schema.GenAI: metrics only ask for it.
type tells struct {
	code  int64         // HTTP status code, 0: not told
	eval  bool          // the span belongs to an evaluation
	ratio *schema.Value // the part of its like that was sent; nil: not told
}

// tellsOf looks at a span's own attributes and at its resource's.
func tellsOf(span *schema.Span) (t tells) {
	t.scan(span.Resource.Attrs)
	t.code = 0 // a resource answers nothing
	t.scan(span.Attrs)
	return t
}

func (t *tells) scan(attrs []schema.Attr) {
	for i := range attrs {
		v := &attrs[i].Value
		// Evaluation runs and scorers mark what they do; a flag must say so, of a name
		// its presence is enough.
		switch attrs[i].Key {
		case "http.response.status_code", "http.status_code":
			if n, ok := number(v); ok && t.code == 0 {
				t.code = int64(n)
			}
		case "mlflow.sourceRun", "mlflow.trace.sourceScorer", "langfuse.experiment.id", "langfuse.experiment.run.id":
			t.eval = t.eval || v.Type == schema.ValueString && v.Str != "" && v.Str != `""`
		case "spanmill.eval":
			t.eval = t.eval || v.Type == schema.ValueBool && v.Bool() || v.Type == schema.ValueString && v.Str == "true"
		case attrSampleRatio:
			t.ratio = v
		}
	}
}

// number reads a number that may be written as text.
func number(v *schema.Value) (float64, bool) {
	switch v.Type {
	case schema.ValueInt:
		return float64(v.Int()), true
	case schema.ValueDouble:
		return v.Double(), !math.IsNaN(v.Double())
	case schema.ValueString:
		n, err := strconv.ParseFloat(strings.Trim(v.Str, `"`), 64)
		return n, err == nil && !math.IsNaN(n)
	default:
		return 0, false
	}
}
