"""A dozen traces found in many ways, page by page and by session; some deleted.

usage: search.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled, show, told
from mlflow.tracing.client import TracingClient

experiment = mlflow.set_experiment(sys.argv[1])


def fail(i):
    """One in four, without an exception: a stack is another one on each machine."""
    if i % 4 == 3:
        mlflow.get_current_active_span().set_status("ERROR")


@mlflow.trace(span_type="LLM")
def ask(i):
    fail(i)
    return {"answer": i}


@mlflow.trace(name="turn", span_type="CHAIN")
def turn(i):
    mlflow.update_current_trace(
        tags={"env": ["prod", "dev"][i % 2], "we.ird key": "x y"},
        metadata={"mlflow.trace.session": f"s-{i // 4}", "mlflow.trace.user": f"u-{i % 2}"},
        client_request_id=f"c-{i}",
    )
    fail(i)
    return ask(i)


ids = []
for i in range(12):
    turn(i)
    ids.append(mlflow.get_last_active_trace_id())
settled()
mlflow.log_feedback(trace_id=ids[0], name="score", value=True)
mlflow.log_feedback(trace_id=ids[1], name="score", value=0.5)
mlflow.log_expectation(trace_id=ids[2], name="truth", value="two")
settled()


def found(filter_string=None, **kwargs):
    kwargs.setdefault("max_results", 20)
    traces = mlflow.search_traces(
        locations=[experiment.experiment_id], filter_string=filter_string, return_type="list", include_spans=False, **kwargs
    )
    return [ids.index(trace.info.trace_id) for trace in traces]


for filter_string in (
    None,
    "status = 'ERROR'",
    "trace.status = 'OK' AND tags.env = 'prod'",
    "name = 'turn'",
    "tags.`we.ird key` = 'x y'",
    "metadata.`mlflow.trace.session` = 's-1'",
    "request_metadata.`mlflow.trace.user` LIKE 'u-%'",
    "client_request_id = 'c-7'",
    "execution_time_ms > 1",
    "span.type = 'LLM' AND span.status = 'ERROR'",
    "span.name = 'ask'",
    "feedback.score = 'true'",
    "feedback.score IS NOT NULL",
    "expectation.truth = 'two'",
    "unknown.key = 'x'",
    "trace_id = 'x'",
):
    told(filter_string, found, filter_string)
for order_by in (["timestamp_ms ASC"], ["status ASC", "timestamp_ms DESC"], ["tag.env DESC", "timestamp ASC"], ["nonsense ASC"]):
    told(order_by, found, order_by=order_by)

client = TracingClient()
token, pages = None, []
while True:
    page = client.search_traces(locations=[experiment.experiment_id], max_results=5, page_token=token)
    pages.append([ids.index(trace.info.trace_id) for trace in page])
    token = page.token
    if not token:
        break
show("pages", pages)
if hasattr(mlflow, "search_sessions"):
    sessions = mlflow.search_sessions(locations=[experiment.experiment_id])
    show("sessions", sorted(sorted(ids.index(t.info.trace_id) for t in session) for session in sessions))

show("deleted", client.delete_traces(experiment.experiment_id, trace_ids=ids[:2]))
settled()
show("left", found())
show("deleted by time", client.delete_traces(experiment.experiment_id, max_timestamp_millis=2**42, max_traces=3))
settled()
show("left", found())
told("deleted trace", mlflow.get_trace, ids[0])
