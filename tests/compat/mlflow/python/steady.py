"""Runs a program so that each run sends the same bytes: seeded ids, and a clock that ticks when a span looks at it.

usage: steady.py PROGRAM [ARGUMENT...]
environment: STEADY_SEED, STEADY_CLOCK (nanoseconds at the start)

A background thread, whose turns come as they like, sees the time and does not move it.
"""

import datetime
import os
import random
import runpy
import sys
import threading
import time
import uuid

TICK = 1_000_000  # nanoseconds

_now = int(os.environ["STEADY_CLOCK"])
_ids = random.Random(os.environ["STEADY_SEED"])
_true_time, _true_time_ns = time.time, time.time_ns


def _asked_by_tracing():
    return sys._getframe(2).f_globals.get("__name__", "").startswith(("mlflow.", "opentelemetry.", "__main__"))


def time_ns():
    global _now
    if not _asked_by_tracing():
        return _true_time_ns()
    if threading.current_thread() is threading.main_thread():
        _now += TICK
    return _now


def time_s():
    global _now
    if not _asked_by_tracing():
        return _true_time()
    if threading.current_thread() is threading.main_thread():
        _now += TICK
    return _now / 1e9


def uuid4():
    return uuid.UUID(int=_ids.getrandbits(128), version=4)


time.time, time.time_ns, uuid.uuid4 = time_s, time_ns, uuid4
try:
    import uuid_utils.compat  # LangChain's ids, which go into what it logs
except ImportError:
    pass
else:
    uuid_utils.compat.uuid7 = lambda *_, **__: uuid4()
random.seed(os.environ["STEADY_SEED"])

sys.argv = sys.argv[1:]
sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
