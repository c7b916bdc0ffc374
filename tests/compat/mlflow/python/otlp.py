"""The SDK's own OTLP exporter beside its native way: the dual export, one trace by both."""

import mlflow
from common import settled, show, trace_as_dict

experiment = mlflow.set_experiment("compat-otlp")


@mlflow.trace(span_type="LLM")
def ask(x):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    span.set_attribute("mlflow.llm.model", "corpus-model")
    return {"y": x}


@mlflow.trace
def f(x):
    return ask(x)


f(1)
settled()
show("trace", trace_as_dict(mlflow.get_trace(mlflow.get_last_active_trace_id())))
