"""The SDK's own OTLP exporter, beside its native way or instead of it, as the environment says.

usage: exported.py EXPERIMENT_NAME
"""

import os
import sys

import mlflow

experiment = mlflow.set_experiment(sys.argv[1])
os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["MLFLOW_TRACKING_URI"] + "/v1/traces"
os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
os.environ["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "x-mlflow-experiment-id=" + experiment.experiment_id


@mlflow.trace(span_type="CHAT_MODEL")
def ask(x):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
    span.set_attribute("mlflow.llm.model", "a-model")
    span.set_attribute("mlflow.llm.provider", "acme")
    span.set_inputs({"messages": [{"role": "user", "content": "hello"}]})
    return {"choices": [{"message": {"role": "assistant", "content": "hey"}}]}


@mlflow.trace
def f(x):
    return ask(x)


f(1)
mlflow.flush_trace_async_logging()
from mlflow.tracing.provider import provider  # noqa: E402  (exists only once a trace was made)

if not provider.get().force_flush():
    raise SystemExit("the exporter gave up")
