"""A long prompt, pictures inside a chat, an explicit attachment, many and long tags.

usage: large.py EXPERIMENT_NAME
"""

import base64
import random
import sys

import mlflow
from common import settled, show, trace_as_dict
from mlflow.tracing.attachments import Attachment

mlflow.set_experiment(sys.argv[1])
ids = []


def done():
    ids.append(mlflow.get_last_active_trace_id())
    mlflow.flush_trace_async_logging()


@mlflow.trace
def big(text):
    return "R" * 5000


big("Q" * 2_000_000)
done()

picture = base64.b64encode(random.Random(7).randbytes(3000)).decode()
with mlflow.start_span("vision", span_type="CHAT_MODEL") as span:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture}}
    span.set_inputs({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, image]}]})
    span.set_outputs({"file": Attachment(content_type="text/plain", content_bytes=b"hello attachment")})
done()

with mlflow.start_span("many tags") as span:
    mlflow.update_current_trace(
        tags={f"k{i}": "v" * 10 for i in range(60)}, metadata={"long": "m" * 400, "mlflow.trace.user": "u" * 300}
    )
    span.set_attribute("a" * 300, "v")
done()

with mlflow.start_span("long tag"):
    mlflow.update_current_trace(tags={"big": "v" * 9000, "k" * 300: "x"})
done()

settled()
for trace_id in ids:
    trace = trace_as_dict(mlflow.get_trace(trace_id))
    show(trace_id, {"info": trace["info"], "spans": len(trace["data"]["spans"])})
