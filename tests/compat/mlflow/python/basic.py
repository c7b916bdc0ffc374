"""An experiment made and found again, three nested functions, one trace with session, user and tags; read back.

usage: basic.py EXPERIMENT_NAME
"""

import sys

import mlflow
from common import settled, show, trace_as_dict

experiment = mlflow.set_experiment(sys.argv[1])
mlflow.set_experiment(sys.argv[1])


@mlflow.trace(span_type="RETRIEVER")
def retrieve(question):
    return [{"page_content": "about " + question, "metadata": {"doc_uri": "kb/1", "chunk_id": "c1"}, "id": "d1"}]


@mlflow.trace(span_type="LLM", attributes={"mlflow.llm.model": "corpus-model", "mlflow.llm.provider": "acme"})
def ask(prompt):
    span = mlflow.get_current_active_span()
    span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 12, "output_tokens": 7, "total_tokens": 19})
    return {"choices": [{"message": {"role": "assistant", "content": "On the mat 🐈"}}]}


@mlflow.trace(name="chat_app", span_type="CHAIN")
def app(question):
    mlflow.update_current_trace(
        tags={"env": "prod"},
        metadata={"mlflow.trace.user": "u-1", "mlflow.trace.session": "s-1"},
        client_request_id="request-1",
    )
    return ask(question + str(retrieve(question)))["choices"][0]["message"]["content"]


app("Où est le chat?")
settled()
show("trace", trace_as_dict(mlflow.get_trace(mlflow.get_last_active_trace_id())))

found = mlflow.search_traces(locations=[experiment.experiment_id], return_type="list")
show("found", [trace_as_dict(trace) for trace in found])
