package semconv

import (
	"math"
	"testing"

	"github.com/spanmill/spanmill/pkg/schema"
)

func TestEvaluationsAreMarked(t *testing.T) {
	t.Parallel()
	n, got := New(), schema.GenAI{}
	for _, c := range []struct {
		name     string
		span     *schema.Span
		resource []schema.Attr
		want     bool
	}{
		{"production", span("mlflow.spanType", "LLM"), attrs("service.name", "shop"), false},
		{"a flag", span("spanmill.eval", true), nil, true},
		{"a flag as text", span("spanmill.eval", "true"), nil, true},
		{"a flag that says no", span("spanmill.eval", false), attrs("spanmill.eval", "false"), false},
		{"a run", span("mlflow.sourceRun", "r1"), nil, true},
		{"no run", span("mlflow.sourceRun", "", "mlflow.trace.sourceScorer", `""`), nil, false},
		{"a scorer", span("mlflow.trace.sourceScorer", `"judge"`), nil, true},
		{"an experiment", span("langfuse.experiment.id", "e"), nil, true},
		{"a run of one", span("langfuse.experiment.run.id", "e"), nil, true},
		{"a resource", span(), attrs("spanmill.eval", true), true},
	} {
		c.span.Resource = &schema.Resource{Attrs: c.resource}
		if n.Normalize(c.span, &got); got.Eval != c.want {
			t.Errorf("%s: %v", c.name, got.Eval)
		}
	}
}

func TestWeights(t *testing.T) {
	t.Parallel()
	n, got := New(), schema.GenAI{}
	for _, c := range []struct {
		state          string
		span, resource any
		want           int64
	}{
		{"", nil, nil, 1e6},
		{"ot=th:0", nil, nil, 1e6},
		{"ot=th:8", nil, nil, 2e6},
		{"x=y,ot=p:8;th:c", nil, nil, 4e6},
		{"ot=th:5555", nil, nil, 1_499_989},
		{"ot=th:fffffffffffff", nil, nil, 1e12},
		{"ot=th:ffffffffffffff", nil, nil, 1e12},
		{"ot=th:zz", nil, nil, 1e6},
		{"ot=th:", nil, nil, 1e6},
		{"vendor=th:8", nil, nil, 1e6},
		{"", 0.25, nil, 4e6},
		{"", nil, "0.1", 1e7},
		{"", 0.5, 0.1, 2e6}, // the span's own
		{"ot=th:8", 0.1, nil, 2e6},
		{"", 0.0, nil, 1e6},
		{"", 2, nil, 1e6},
		{"", math.NaN(), nil, 1e6},
		{"", 1e-300, nil, 1e12},
		{"", "a tenth", nil, 1e6},
		{"", true, nil, 1e6},
	} {
		s := span()
		if c.span != nil {
			s = span("spanmill.sample_ratio", c.span)
		}
		s.TraceState, s.Resource = c.state, &schema.Resource{}
		if c.resource != nil {
			s.Resource.Attrs = attrs("spanmill.sample_ratio", c.resource)
		}
		if n.Normalize(s, &got); got.Weight != c.want {
			t.Errorf("%+v weighs %d", c, got.Weight)
		}
	}
}

func TestHTTPStatusIsTheSpansOwn(t *testing.T) {
	t.Parallel()
	n, got := New(), schema.GenAI{}
	s := span("http.status_code", "429", "http.response.status_code", 500)
	s.Resource = &schema.Resource{Attrs: attrs("http.status_code", 200)}
	if n.Normalize(s, &got); got.HTTPStatus != 429 {
		t.Errorf("%d", got.HTTPStatus)
	}
	s.Attrs = nil
	if n.Normalize(s, &got); got.HTTPStatus != 0 {
		t.Errorf("%d is the resource's", got.HTTPStatus)
	}
}
