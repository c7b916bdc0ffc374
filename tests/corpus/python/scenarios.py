"""What is asked of the models. Each SDK has a class whose methods are the scenarios.

The agent is told once (Agent below); a dialect lends it its own way to say that a function is an agent or a tool.
"""

import json
import os

FAKE = os.environ["FAKE"]
QUESTION = "What is the capital of France?"
CAT = "Où est le chat? 🐈"
THINK = "Think: what is 6 times 7?"
BRIEF = "Be brief."
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
# Longer than the 1024 tokens from which caches take an interest.
LONG = "Answer in one sentence, politely, and name your sources. " * 100


class OpenAI:
    """The openai SDK: chat completions, embeddings, responses."""

    def __init__(self, client=None):
        if client is None:
            import openai

            client = openai.OpenAI(base_url=FAKE + "/v1", api_key="key", max_retries=0)
        self.client = client

    def ask(self, *messages, model="gpt-4o-mini", **more):
        return self.client.chat.completions.create(model=model, messages=list(messages), **more)

    def chat(self):
        self.ask(system(BRIEF), user(QUESTION), temperature=0.5, max_tokens=100, seed=7)

    def stream(self):
        for _ in self.ask(system(BRIEF), user(CAT), stream=True, stream_options={"include_usage": True}):
            pass

    def tools(self):
        conversation = [user("How is the weather in Paris?")]
        answer = self.ask(*conversation, tools=self.offered()).choices[0].message
        call = answer.tool_calls[0]
        conversation.append(
            {"role": "assistant", "content": None, "tool_calls": [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}]}
        )
        conversation.append({"role": "tool", "tool_call_id": call.id, "content": weather(**json.loads(call.function.arguments))})
        return self.ask(*conversation, tools=self.offered()).choices[0].message.content

    @staticmethod
    def offered():
        return [{"type": "function", "function": {"name": "get_weather", "description": "The weather of a city", "parameters": WEATHER}}]

    def embeddings(self):
        self.client.embeddings.create(model="text-embedding-3-small", input=[QUESTION, CAT])

    def error(self):
        for status in (400, 429, 500):
            refused(lambda: self.ask(user(f"fail with {status}")))
        wrong = self.client.with_options(api_key="wrong")
        refused(lambda: wrong.chat.completions.create(model="gpt-4o-mini", messages=[user(QUESTION)]))

    def cached(self):
        self.ask(system(LONG), user(QUESTION))

    def reasoning(self):
        self.ask(user(THINK), model="o3-mini", reasoning_effort="low")

    def responses(self):
        self.client.responses.create(model="gpt-5-mini", instructions=BRIEF, input=THINK)
        self.client.responses.create(model="gpt-4o-mini", input="How is the weather in Paris?", tools=[{"type": "function", "name": "get_weather", "parameters": WEATHER}])

    def responses_stream(self):
        for _ in self.client.responses.create(model="gpt-4o-mini", instructions=BRIEF, input=CAT, stream=True):
            pass


class Anthropic:
    """The anthropic SDK: messages."""

    def __init__(self):
        import anthropic

        self.client = anthropic.Anthropic(base_url=FAKE, api_key="key", max_retries=0)

    def ask(self, *messages, **more):
        return self.client.messages.create(model="claude-sonnet-4-5", max_tokens=more.pop("max_tokens", 100), messages=list(messages), **more)

    def chat(self):
        self.ask(user(QUESTION), system=BRIEF)  # the SDK has no temperature any more

    def stream(self):
        for _ in self.ask(user(CAT), system=BRIEF, stream=True):
            pass

    def tools(self):
        offered = [{"name": "get_weather", "description": "The weather of a city", "input_schema": WEATHER}]
        question = user("How is the weather in Paris?")
        answer = self.ask(question, tools=offered)
        call = answer.content[0]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": weather(**call.input)}
        used = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.input}
        self.ask(question, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}, tools=offered)

    def error(self):
        for status in (400, 429, 500):
            refused(lambda: self.ask(user(f"fail with {status}")))

    def cached(self):
        """Written for five minutes, read in the next turn, written for an hour."""

        def marked(**ttl):
            return [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", **ttl}}]

        self.ask(user(QUESTION), system=marked())
        self.ask(user(QUESTION), {"role": "assistant", "content": "Paris."}, user(CAT), system=marked())
        self.ask(user(QUESTION), system=marked(ttl="1h"))

    def reasoning(self):
        self.ask(user(THINK), max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 1024})


class Google:
    """The google-genai SDK: generateContent."""

    def __init__(self):
        from google import genai
        from google.genai import types

        self.types = types
        self.client = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=FAKE))

    def ask(self, contents, **config):
        return self.client.models.generate_content(model="gemini-2.5-flash", contents=contents, config=self.types.GenerateContentConfig(**config))

    def chat(self):
        self.ask(QUESTION, system_instruction=BRIEF, temperature=0.5, max_output_tokens=100)

    def stream(self):
        config = self.types.GenerateContentConfig(system_instruction=BRIEF)
        for _ in self.client.models.generate_content_stream(model="gemini-2.5-flash", contents=CAT, config=config):
            pass

    def tools(self):
        types = self.types
        declared = types.FunctionDeclaration(name="get_weather", description="The weather of a city", parameters_json_schema=WEATHER)
        offered = [types.Tool(function_declarations=[declared])]
        manual = types.AutomaticFunctionCallingConfig(disable=True)
        question = types.Content(role="user", parts=[types.Part(text="How is the weather in Paris?")])
        answer = self.ask([question], tools=offered, automatic_function_calling=manual)
        call = answer.candidates[0].content.parts[0].function_call
        result = types.Part.from_function_response(name=call.name, response={"result": weather(**call.args)})
        self.ask([question, answer.candidates[0].content, types.Content(role="user", parts=[result])], tools=offered, automatic_function_calling=manual)

    def embeddings(self):
        self.client.models.embed_content(model="gemini-embedding-001", contents=QUESTION)

    def error(self):
        for status in (400, 429, 500):
            refused(lambda: self.ask(f"fail with {status}"))

    def cached(self):
        self.ask(QUESTION, system_instruction=LONG)

    def reasoning(self):
        self.ask(THINK, thinking_config=self.types.ThinkingConfig(include_thoughts=True))


class LangChain:
    """LangChain's chat model and its agent."""

    def chat(self):
        self.model().invoke([("system", BRIEF), ("user", QUESTION)])

    @staticmethod
    def model():
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model="gpt-4o-mini", base_url=FAKE + "/v1", api_key="key", max_retries=0)

    def agent(self):
        from langchain.agents import create_agent
        from langchain_core.tools import tool

        @tool
        def get_weather(city: str) -> str:
            """The weather of a city"""
            return weather(city)

        create_agent(self.model(), [get_weather], name="forecaster").invoke({"messages": [("user", "How is the weather in Paris?")]})


class Agent:
    """An agent that asks, calls a tool and asks again; mark(kind, name) is the dialect's decorator."""

    def __init__(self, client, mark):
        self.sdk, self.mark = OpenAI(client), mark

    def agent(self):
        @self.mark("tool", "get_weather")
        def get_weather(city: str) -> str:
            return weather(city)

        @self.mark("agent", "forecaster")
        def forecaster(question: str) -> str:
            first = self.sdk.ask(user(question), tools=OpenAI.offered()).choices[0].message
            call = first.tool_calls[0]
            said = {"role": "assistant", "content": None, "tool_calls": [{"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}]}
            result = {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
            return self.sdk.ask(user(question), said, result, tools=OpenAI.offered()).choices[0].message.content

        forecaster("How is the weather in Paris?")


def system(text):
    return {"role": "system", "content": text}


def user(text):
    return {"role": "user", "content": text}


def weather(city):
    return f"18 °C and sunny in {city}"


def refused(call):
    """Makes a call that must fail."""
    try:
        call()
    except Exception:  # each SDK has its own
        return
    raise AssertionError("the fake was to refuse this")
