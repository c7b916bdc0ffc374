// Plays one scenario with the Vercel AI SDK and exports to the sink at FAKE.
//
// usage: play.js VARIANT SCENARIO
'use strict';

const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { z } = require('zod');

const [variant, scenario] = process.argv.slice(2);
// An older- variant plays with the SDK's major version before.
const older = variant.startsWith('older-');
const ai = require(older ? 'ai5' : 'ai');

const FAKE = process.env.FAKE;
const QUESTION = 'What is the capital of France?';
const CAT = 'Où est le chat? 🐈';
const THINK = 'Think: what is 6 times 7?';
const BRIEF = 'Be brief.';
const LONG = 'Answer in one sentence, politely, and name your sources. '.repeat(100);

const experimental_telemetry = {
  isEnabled: true,
  functionId: 'corpus',
  metadata: { userId: 'user-7', sessionId: 'session-7' },
};

// models gives what each SDK is asked with: the provider's chat model, one that
// thinks, and how to ask it to.
const models = {
  openai() {
    const openai = require(older ? 'ai5-openai' : '@ai-sdk/openai').createOpenAI({ baseURL: `${FAKE}/v1`, apiKey: 'key' });
    return { chat: openai.chat('gpt-4o-mini'), thinker: openai.chat('o3-mini'), embedder: openai.embedding('text-embedding-3-small') };
  },
  anthropic() {
    const anthropic = require('@ai-sdk/anthropic').createAnthropic({ baseURL: `${FAKE}/v1`, apiKey: 'key' });
    const model = anthropic('claude-sonnet-4-5');
    return {
      chat: model,
      thinker: model,
      thinking: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
      caching: { anthropic: { cacheControl: { type: 'ephemeral' } } },
    };
  },
  google() {
    // The API gives tool calls no ids: the SDK makes them up, at random unless told otherwise.
    let calls = 0;
    const generateId = () => `call_${++calls}`;
    const google = require('@ai-sdk/google').createGoogleGenerativeAI({ baseURL: `${FAKE}/v1beta`, apiKey: 'key', generateId });
    const model = google('gemini-2.5-flash');
    return { chat: model, thinker: model, thinking: { google: { thinkingConfig: { includeThoughts: true } } } };
  },
};

const weatherTool = () =>
  ai.tool({
    description: 'The weather of a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `18 °C and sunny in ${city}`,
  });

// ask is generateText with what all calls have in common.
const ask = (model, more) => ai.generateText({ model, maxRetries: 0, experimental_telemetry, ...more });

const scenarios = {
  chat: (m) => ask(m.chat, { system: BRIEF, prompt: QUESTION, temperature: 0.5, maxOutputTokens: 100 }),
  async stream(m) {
    const { textStream } = ai.streamText({ model: m.chat, system: BRIEF, prompt: CAT, experimental_telemetry });
    for await (const _ of textStream);
  },
  tools: (m) => agent(m),
  agent: (m) => agent(m),
  embeddings: (m) => ai.embedMany({ model: m.embedder, values: [QUESTION, CAT], experimental_telemetry }),
  async error(m) {
    for (const status of [400, 429, 500]) {
      const refused = await ask(m.chat, { prompt: `fail with ${status}` }).then(() => false, () => true);
      if (!refused) throw new Error('the fake was to refuse this');
    }
  },
  cached: (m) =>
    ask(m.chat, {
      messages: [
        { role: 'system', content: LONG, providerOptions: m.caching },
        { role: 'user', content: QUESTION },
      ],
    }),
  reasoning: (m) => ask(m.thinker, { prompt: THINK, maxOutputTokens: 2000, providerOptions: m.thinking }),
};

// agent asks, calls the tool and asks again, all in one call of the SDK.
function agent(m) {
  return ask(m.chat, { prompt: 'How is the weather in Paris?', tools: { get_weather: weatherTool() }, stopWhen: ai.stepCountIs(3) });
}

async function main() {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'corpus' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${FAKE}/v1/traces` }))],
  });
  provider.register();
  await scenarios[scenario](models[variant.replace('older-', '')]());
  await provider.forceFlush();
  await provider.shutdown();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
