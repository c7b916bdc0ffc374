"""Reads all traces of an experiment, page by page, and prints each as a line of JSON.

usage: read.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled, show, trace_as_dict
from mlflow.tracing.client import TracingClient

settled()
experiment = mlflow.set_experiment(sys.argv[1])
client, traces, token = TracingClient(), [], None
while True:
    page = client.search_traces(locations=[experiment.experiment_id], max_results=100, page_token=token)
    traces += page
    token = page.token
    if not token:
        break
for trace in sorted(traces, key=lambda trace: trace.info.trace_id):
    show(trace.info.trace_id, trace_as_dict(trace))
