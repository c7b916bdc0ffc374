"""Tags and assessments: made, read, changed, overridden, deleted; and how calls fail.

usage: assessments.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled, show, told, trace_as_dict
from mlflow.entities import AssessmentError, AssessmentSource, Feedback

experiment = mlflow.set_experiment(sys.argv[1])


@mlflow.trace
def f(x):
    return x + 1


f(1)
trace_id = mlflow.get_last_active_trace_id()
settled()

mlflow.set_trace_tag(trace_id, "env", "staging")
mlflow.set_trace_tag(trace_id, "päth/with.odd key", "värde")
settled()
mlflow.delete_trace_tag(trace_id, "env")

human = AssessmentSource(source_type="HUMAN", source_id="bob@example.com")
correct = mlflow.log_feedback(
    trace_id=trace_id, name="correct", value=True, rationale="looks right", source=human, metadata={"k": "v"}
)
judge = AssessmentSource(source_type="LLM_JUDGE", source_id="a-model")
relevance = mlflow.log_feedback(trace_id=trace_id, name="relevance", value=0.75, source=judge)
mlflow.log_feedback(
    trace_id=trace_id, name="judge", source=AssessmentSource(source_type="CODE", source_id="m.py"),
    error=AssessmentError(error_code="RATE_LIMIT", error_message="429", stack_trace="tb"),
)
labels = mlflow.log_feedback(trace_id=trace_id, name="labels", value={"a": [1, "x", None]})
mlflow.log_expectation(trace_id=trace_id, name="expected", value="two", source=human)
mlflow.log_expectation(trace_id=trace_id, name="facts", value=["a", "b"])
mlflow.log_assessment(trace_id, Feedback(name="object", value="yes"))
settled()

show("correct", mlflow.get_assessment(trace_id, correct.assessment_id).feedback.value)
mlflow.update_assessment(
    trace_id, correct.assessment_id, Feedback(name="correct", value=False, rationale="changed", metadata={"k": "v2"})
)
settled()
mlflow.override_feedback(
    trace_id=trace_id, assessment_id=relevance.assessment_id, value=0.2, rationale="override", source=human
)
mlflow.delete_assessment(trace_id, labels.assessment_id)
settled()

show("trace", trace_as_dict(mlflow.get_trace(trace_id)))
found = mlflow.search_traces(locations=[experiment.experiment_id], return_type="list", max_results=10)
show("found", [trace_as_dict(trace) for trace in found])

absent = "tr-" + "0" * 32
told("absent trace", mlflow.get_trace, absent)
told("absent assessment", mlflow.get_assessment, trace_id, "a-nope")
told("feedback on absent trace", mlflow.log_feedback, trace_id=absent, name="x", value=1)
told("bad filter", mlflow.search_traces, locations=[experiment.experiment_id], filter_string="nonsense ===", return_type="list")
told("absent experiment", mlflow.search_traces, locations=["999"], return_type="list")
