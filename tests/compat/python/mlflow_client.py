"""Sends a trace with the MLflow Tracing SDK in its OTLP-exporter mode and prints its ids as JSON.

The endpoint comes from the environment (OTEL_EXPORTER_OTLP_TRACES_*), as this mode wants it.
"""

import json

import mlflow
from mlflow.entities import SpanType

ids = {}


def note(name):
    span = mlflow.get_current_active_span()
    ids[name] = span.span_id
    ids["trace"] = span.trace_id.removeprefix("tr-")
    return span


@mlflow.trace(name="chat", span_type=SpanType.CHAT_MODEL)
def chat(question):
    span = note("chat")
    span.set_attribute("mlflow.llm.model", "gpt-4o-mini")
    span.set_attribute("mlflow.llm.provider", "openai")
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 12, "output_tokens": 34, "total_tokens": 46})
    return {"answer": "On the mat."}


@mlflow.trace(name="agent", span_type=SpanType.AGENT)
def agent(question):
    note("agent")
    return chat(question)


agent("Où est le chat? 🐈")
mlflow.flush_trace_async_logging()
from mlflow.tracing.provider import provider  # noqa: E402  (exists only once a trace was made)

if not provider.get().force_flush():
    raise SystemExit("the exporter gave up")
print(json.dumps(ids))
