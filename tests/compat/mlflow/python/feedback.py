"""Says of each trace of an experiment whether it helped.

usage: feedback.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled

settled()
experiment = mlflow.set_experiment(sys.argv[1])
traces = mlflow.search_traces(locations=[experiment.experiment_id], return_type="list", max_results=100, order_by=["timestamp ASC"])
for i, trace in enumerate(traces):
    mlflow.log_feedback(trace_id=trace.info.trace_id, name="helpful", value=i % 3 > 0, rationale=f"reason {i}")
