"""A trace of two processes: the caller sends a header, the callee adds its span.

usage: distributed.py EXPERIMENT_NAME [HEADERS]
"""

import json
import os
import subprocess
import sys

import mlflow
from mlflow.tracing import get_tracing_context_headers_for_http_request, set_tracing_context_from_http_request_headers

mlflow.set_experiment(sys.argv[1])

if len(sys.argv) > 2:
    with set_tracing_context_from_http_request_headers(json.loads(sys.argv[2])), mlflow.start_span("callee") as span:
        span.set_inputs({"from": "afar"})
else:
    with mlflow.start_span("caller") as span:
        headers = get_tracing_context_headers_for_http_request()
        environment = {**os.environ, "STEADY_SEED": "callee " + os.environ["STEADY_SEED"]}
        here = os.path.dirname(os.path.abspath(sys.argv[0]))
        program = [os.path.join(here, "steady.py"), sys.argv[0], sys.argv[1], json.dumps(headers)]
        subprocess.run([sys.executable, *program], env=environment, check=True)
        span.set_outputs("done")
mlflow.flush_trace_async_logging()
