// Sends the agent's trace with the OpenTelemetry JS SDK and prints its ids as JSON.
//
// usage: otel_client.js proto|json|grpc ENDPOINT SESSION
'use strict';

const { context, trace, SpanKind, SpanStatusCode } = require('@opentelemetry/api');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');

function exporter(protocol, endpoint) {
  const url = protocol === 'grpc' ? `http://${endpoint}` : `http://${endpoint}/v1/traces`;
  const name = { proto: 'proto', json: 'http', grpc: 'grpc' }[protocol];
  const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${name}`);
  return new OTLPTraceExporter({ url });
}

function message(role, content) {
  return JSON.stringify([{ role, parts: [{ type: 'text', content }] }]);
}

function send(tracer, session) {
  const agent = tracer.startSpan('invoke_agent researcher', {
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'researcher',
      'session.id': session,
      'user.id': 'user-7',
      'app.retries': 3,
      'app.score': 0.5,
      'app.cached': true,
      'app.tags': ['alpha', 'beta'],
    },
  });
  const inside = trace.setSpan(context.active(), agent);
  const chat = tracer.startSpan(
    'chat gpt-4o-mini',
    {
      kind: SpanKind.CLIENT,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-4o-mini',
        'gen_ai.response.model': 'gpt-4o-mini-2024-07-18',
        'gen_ai.usage.input_tokens': 12,
        'gen_ai.usage.output_tokens': 34,
        'gen_ai.input.messages': message('user', 'Où est le chat? 🐈'),
        'gen_ai.output.messages': message('assistant', 'On the mat.'),
      },
    },
    inside,
  );
  chat.end();
  const tool = tracer.startSpan(
    'execute_tool search',
    {
      attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' },
      links: [{ context: chat.spanContext(), attributes: { why: 'asked for' } }],
    },
    inside,
  );
  tool.recordException({ name: 'TimeoutError', message: 'no answer' });
  tool.setStatus({ code: SpanStatusCode.ERROR, message: 'no answer' });
  tool.end();
  agent.setStatus({ code: SpanStatusCode.OK });
  agent.end();
  return { agent, chat, tool };
}

async function main(protocol, endpoint, session) {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'compat' }),
    spanProcessors: [new BatchSpanProcessor(exporter(protocol, endpoint))],
  });
  const spans = send(provider.getTracer('compat', '1.0'), session);
  await provider.forceFlush();
  await provider.shutdown();
  const ids = { trace: spans.agent.spanContext().traceId };
  for (const [name, span] of Object.entries(spans)) ids[name] = span.spanContext().spanId;
  console.log(JSON.stringify(ids));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
