"""Sends the agent's trace with the OpenTelemetry SDK and prints its ids as JSON.

usage: otel_client.py http|http-gzip|grpc ENDPOINT SESSION
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    compression = Compression.Gzip if protocol == "http-gzip" else Compression.NoCompression
    return OTLPSpanExporter(endpoint=f"http://{endpoint}/v1/traces", compression=compression)


def send(tracer, session):
    with tracer.start_as_current_span(
        "invoke_agent researcher",
        attributes={
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "researcher",
            "session.id": session,
            "user.id": "user-7",
            "app.retries": 3,
            "app.score": 0.5,
            "app.cached": True,
            "app.tags": ["alpha", "beta"],
        },
    ) as agent:
        agent.set_status(trace.StatusCode.OK)
        with tracer.start_as_current_span(
            "chat gpt-4o-mini",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": 34,
                "gen_ai.input.messages": json.dumps(
                    [{"role": "user", "parts": [{"type": "text", "content": "Où est le chat? 🐈"}]}]
                ),
                "gen_ai.output.messages": json.dumps(
                    [{"role": "assistant", "parts": [{"type": "text", "content": "On the mat."}]}]
                ),
            },
        ) as chat:
            pass
        tool = tracer.start_span(
            "execute_tool search",
            attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"},
            links=[trace.Link(chat.get_span_context(), {"why": "asked for"})],
        )
        tool.record_exception(TimeoutError("no answer"))
        tool.set_status(trace.StatusCode.ERROR, "no answer")
        tool.end()
    return agent, chat, tool


def main(protocol, endpoint, session):
    provider = TracerProvider(resource=Resource.create({"service.name": "compat"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, endpoint)))
    spans = send(provider.get_tracer("compat", "1.0"), session)
    if not provider.force_flush():
        sys.exit("the exporter gave up")
    provider.shutdown()
    ids = {name: f"{span.get_span_context().span_id:016x}" for name, span in zip(("agent", "chat", "tool"), spans)}
    ids["trace"] = f"{spans[0].get_span_context().trace_id:032x}"
    print(json.dumps(ids))


main(*sys.argv[1:])
