"""Spans of every kind: events, errors, streams, odd values, hand-made times, traces logged in one call.

usage: spans.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled, show, trace_as_dict
from mlflow.entities import Document, SpanEvent

experiment = mlflow.set_experiment(sys.argv[1])
ids = []


def done():
    ids.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()


with mlflow.start_span(
    "agent",
    span_type="AGENT",
    attributes={"s": "str", "i": 1, "f": 1.5, "b": True, "l": [1, 2], "d": {"k": None}, "big": 2**53 + 1, "neg": -1},
) as root:
    root.set_inputs({"question": "hello", "n": 3})
    root.add_event(SpanEvent(name="cache_miss", attributes={"key": "abc", "n": 2, "ok": False, "w": [1.5, 2.5]}))
    with mlflow.start_span("retrieve", span_type="RETRIEVER") as span:
        span.set_inputs("hello")
        span.set_outputs([Document(page_content="c", metadata={"doc_uri": "u"}, id="1").to_dict()])
    with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
        span.set_attribute(
            "mlflow.chat.tokenUsage",
            {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120, "cache_read_input_tokens": 10},
        )
        span.set_attribute("mlflow.llm.model", "corpus-model")
        span.set_attribute("mlflow.llm.provider", "acme")
        span.set_attribute("mlflow.message.format", "openai")
        span.set_attribute("mlflow.chat.tools", [{"type": "function", "function": {"name": "f"}}])
        span.set_inputs({"messages": [{"role": "user", "content": "hello"}], "model": "corpus-model"})
        span.set_outputs({"choices": [{"message": {"role": "assistant", "content": "hey"}}]})
    with mlflow.start_span("tool", span_type="TOOL") as span:
        span.set_inputs({"a": 1})
        span.set_outputs(2)
        span.set_status("OK")
    root.set_outputs({"answer": "hey"})
done()


@mlflow.trace
def boom(x):
    with mlflow.start_span("inner"):
        raise ValueError(f"bad input {x}")


try:
    boom(1)
except ValueError:
    pass
done()


@mlflow.trace(span_type="LLM", output_reducer=lambda chunks: "".join(chunks))
def stream(n):
    for i in range(n):
        yield f"token {i} "


list(stream(3))
done()

parent = mlflow.start_span_no_context(
    "detached", inputs={"o": {1, 2}}, tags={"t1": "v1"}, metadata={"m1": "v1"}, experiment_id=experiment.experiment_id
)
child = mlflow.start_span_no_context("child", parent_span=parent)
child.end(outputs=float("inf"))
parent.end(outputs=b"bytes", status="ERROR")
ids.append(parent.trace_id)
mlflow.flush_trace_async_logging()

ids.append(mlflow.log_trace(name="logged", request="rq", response="rs", attributes={"a": 1}, tags={"k": "v"}, execution_time_ms=1234))
mlflow.flush_trace_async_logging()


@mlflow.trace
def stated():
    mlflow.update_current_trace(
        state="ERROR", request_preview="my request", response_preview="my response",
        metadata={"mlflow.trace.session": "s-9", "mlflow.trace.user": "u-9"},
    )
    return {"nested": {"list": [1, "two", None, 3.5, {"deep": True}]}, "unicode": "ß 🐈 \u0000", "empty": ""}


stated()
done()


@mlflow.trace
def nothing():
    pass


nothing()
done()

settled()
for trace_id in ids:
    show(trace_id, trace_as_dict(mlflow.get_trace(trace_id)))
