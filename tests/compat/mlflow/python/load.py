"""Many traces of three spans with the SDK's default settings. Prints the ids.

usage: load.py EXPERIMENT_NAME COUNT
"""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])


@mlflow.trace(span_type="TOOL")
def tool(i):
    return i + 1


@mlflow.trace(span_type="CHAT_MODEL", attributes={"mlflow.chat.tokenUsage": {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}})
def ask(i):
    return f"answer {i}"


@mlflow.trace(span_type="CHAIN")
def turn(i):
    tool(i)
    return ask(i)


for i in range(int(sys.argv[2])):
    turn(i)
    print(mlflow.get_last_active_trace_id())
    if i % 100 == 99:  # the queue has 1,000 places and drops what is beyond
        mlflow.flush_trace_async_logging()
mlflow.flush_trace_async_logging()
