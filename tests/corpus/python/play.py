"""Plays one scenario with one instrumentation, and exports to the sink at FAKE.

usage: play.py DIALECT VARIANT SCENARIO
"""

import functools
import json
import os
import sys

import scenarios

FAKE = os.environ["FAKE"]
SDKS = {"openai": scenarios.OpenAI, "anthropic": scenarios.Anthropic, "google": scenarios.Google, "langchain": scenarios.LangChain}


def providers():
    """The OpenTelemetry SDK, set up as its documentation does; gives what must be shut down."""
    from opentelemetry import trace
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    spans = TracerProvider()
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(FAKE + "/v1/traces")))
    trace.set_tracer_provider(spans)
    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(FAKE + "/v1/logs")))
    set_logger_provider(logs)
    return spans, logs


def sdk_of(variant):
    """The SDK that a variant instruments: older-openai and openai-logs are openai."""
    return next(name for name in SDKS if name in variant)


def play(scenario, player, mark=None, client=None):
    if scenario == "agent" and mark:
        player = scenarios.Agent(client, mark)
    getattr(player, scenario.replace("-", "_"))()


def otel(variant, scenario):
    if not variant.startswith("older-"):
        os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "EVENT_ONLY" if variant.endswith("-logs") else "SPAN_ONLY"
        os.environ["OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT"] = str(variant.endswith("-logs")).lower()
    else:
        os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true"
    spans, logs = providers()
    if variant.startswith("older-"):
        # Events had an API of their own then.
        from opentelemetry._events import set_event_logger_provider
        from opentelemetry.sdk._events import EventLoggerProvider

        set_event_logger_provider(EventLoggerProvider(logs))
    otel_instrument(variant)
    play(scenario, SDKS[sdk_of(variant)](), mark=otel_mark if variant == "openai" else None)
    spans.shutdown()
    logs.shutdown()


def otel_instrument(variant):
    if variant.startswith("older-"):
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor as Instrumentor
    elif "openai" in variant:
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Instrumentor
    elif variant == "anthropic":
        from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor as Instrumentor
    elif variant == "google":
        from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor as Instrumentor
    else:
        from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor as Instrumentor
    Instrumentor().instrument()


def otel_mark(kind, name):
    """OpenTelemetry has no decorators for agents: the spans its conventions name, by its API."""
    from opentelemetry import trace

    operation = {"agent": "invoke_agent", "tool": "execute_tool"}[kind]

    def decorate(function):
        @functools.wraps(function)
        def inside(*args, **kwargs):
            with trace.get_tracer("agent").start_as_current_span(f"{operation} {name}") as span:
                span.set_attribute("gen_ai.operation.name", operation)
                span.set_attribute(f"gen_ai.{kind}.name", name)
                result = function(*args, **kwargs)
                if kind == "tool":
                    span.set_attribute("gen_ai.tool.call.arguments", json.dumps(kwargs))
                    span.set_attribute("gen_ai.tool.call.result", result)
                return result

        return inside

    return decorate


def openinference(variant, scenario):
    from openinference.instrumentation import OITracer, TraceConfig
    from opentelemetry import trace

    if variant == "openai":
        from openinference.instrumentation.openai import OpenAIInstrumentor as Instrumentor
    elif variant == "anthropic":
        from openinference.instrumentation.anthropic import AnthropicInstrumentor as Instrumentor
    elif variant == "google":
        from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor as Instrumentor
    else:
        from openinference.instrumentation.langchain import LangChainInstrumentor as Instrumentor
    spans, logs = providers()
    Instrumentor().instrument(tracer_provider=spans)
    tracer = OITracer(trace.get_tracer("agent"), config=TraceConfig())

    def mark(kind, name):
        return getattr(tracer, kind)(name=name)

    play(scenario, SDKS[variant](), mark=None if variant == "langchain" else mark)
    spans.shutdown()
    logs.shutdown()


def openllmetry(variant, scenario):
    if scenario == "agent":
        from traceloop.sdk import Traceloop
        from traceloop.sdk.decorators import agent, tool

        os.environ["TRACELOOP_TELEMETRY"] = "false"
        os.environ["TRACELOOP_METRICS_ENABLED"] = "false"
        Traceloop.init(app_name="corpus", api_endpoint=FAKE, disable_batch=True, telemetry_enabled=False)
        play(scenario, None, mark=lambda kind, name: {"agent": agent, "tool": tool}[kind](name=name))
        return
    spans, logs = providers()
    if "openai" in variant:
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as Instrumentor
    else:
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor as Instrumentor
    Instrumentor().instrument()
    play(scenario, SDKS[sdk_of(variant)]())
    spans.shutdown()
    logs.shutdown()


def mlflow(variant, scenario):
    native = variant.endswith("-native")
    os.environ["MLFLOW_TRACKING_URI"] = FAKE if native else "http://127.0.0.1:9"
    os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
    if native:
        os.environ["MLFLOW_EXPERIMENT_ID"] = "7"
    else:
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = FAKE + "/v1/traces"
        os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
        os.environ["OTEL_EXPORTER_OTLP_TRACES_HEADERS"] = "x-mlflow-experiment-id=7"
    import mlflow

    if "openai" in variant:
        import mlflow.openai

        mlflow.openai.autolog()
    elif variant == "anthropic":
        import mlflow.anthropic

        mlflow.anthropic.autolog()
    else:
        import mlflow.gemini

        mlflow.gemini.autolog()
    play(scenario, SDKS[sdk_of(variant)](), mark=lambda kind, name: mlflow.trace(name=name, span_type=kind.upper()))
    mlflow.flush_trace_async_logging() if native else None
    from opentelemetry import trace

    getattr(trace.get_tracer_provider(), "force_flush", lambda: None)()


def langfuse(variant, scenario):
    os.environ.update(LANGFUSE_PUBLIC_KEY="pk", LANGFUSE_SECRET_KEY="sk", LANGFUSE_HOST=FAKE, LANGFUSE_BASE_URL=FAKE, LANGFUSE_TRACING_ENVIRONMENT="test")
    from langfuse import get_client, observe
    from langfuse.openai import OpenAI

    client = OpenAI(base_url=FAKE + "/v1", api_key="key", max_retries=0)
    play(scenario, scenarios.OpenAI(client), client=client, mark=lambda kind, name: observe(name=name, as_type=kind))
    get_client().flush()


if __name__ == "__main__":
    dialect, *rest = sys.argv[1:]
    {"otel": otel, "openinference": openinference, "openllmetry": openllmetry, "mlflow": mlflow, "langfuse": langfuse}[dialect](*rest)
