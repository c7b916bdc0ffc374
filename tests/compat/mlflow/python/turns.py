"""Turns of a conversation with the environment's switches as they are; the last is read at once.

usage: turns.py EXPERIMENT_NAME COUNT
"""

import sys

import mlflow
from common import show

mlflow.set_experiment(sys.argv[1])


@mlflow.trace(span_type="TOOL")
def look_up(i):
    return {"found": i}


@mlflow.trace(span_type="CHAT_MODEL")
def ask(i):
    mlflow.get_current_active_span().set_attribute(
        "mlflow.chat.tokenUsage", {"input_tokens": i, "output_tokens": 1, "total_tokens": i + 1}
    )
    return {"choices": [{"message": {"role": "assistant", "content": f"answer {i}"}}]}


@mlflow.trace(span_type="AGENT")
def turn(i):
    mlflow.update_current_trace(tags={"turn": str(i)}, metadata={"mlflow.trace.session": f"s-{i // 3}"})
    for tool in range(6):
        look_up(tool)
    return ask(i)


for i in range(int(sys.argv[2])):
    turn(i)
mlflow.flush_trace_async_logging()
# A server that is behind waits until it has the whole trace.
last = mlflow.get_trace(mlflow.get_last_active_trace_id())
show(last.info.tags["turn"], sorted(span.name for span in last.data.spans))
