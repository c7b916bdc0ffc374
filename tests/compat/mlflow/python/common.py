"""What the client programs share."""

import json
import os
import urllib.request

import mlflow


def settled():
    """Returns when all that was sent can be read; the tests' proxy knows."""
    mlflow.flush_trace_async_logging()
    urllib.request.urlopen(os.environ["MLFLOW_TRACKING_URI"] + "/__settled").read()


def show(what, value):
    """Prints a line of JSON, which is compared."""
    print(json.dumps([what, value], sort_keys=True, default=str))


def told(what, call, *args, **kwargs):
    """Prints what a call gives, or how it fails."""
    try:
        show(what, call(*args, **kwargs))
    except Exception as e:  # noqa: BLE001  (how it fails is what is compared)
        show(what, f"{type(e).__name__}: {e}")


def trace_as_dict(trace):
    """A trace without the experiment's id, which each server chooses."""
    as_dict = trace.to_dict()
    as_dict["info"].pop("trace_location", None)
    for key in ("tags", "trace_metadata"):
        as_dict["info"].get(key, {}).pop("mlflow.artifactLocation", None)
    # Server-made: compared on the wire.
    for assessment in as_dict["info"].get("assessments", []):
        for key in ("assessment_id", "last_update_time", "overrides"):
            assessment.pop(key, None)
    return as_dict
