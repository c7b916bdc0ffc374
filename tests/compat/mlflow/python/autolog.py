"""Calls that MLflow logs by itself, to a server that answers as the models' APIs do.

usage: autolog.py EXPERIMENT_NAME openai|anthropic|langchain FAKE_URL
"""

import sys

import mlflow

mlflow.set_experiment(sys.argv[1])
fake = sys.argv[3]
messages = [{"role": "user", "content": "What is the capital of France?"}]


def with_openai():
    import openai

    mlflow.openai.autolog()
    client = openai.OpenAI(base_url=fake + "/v1", api_key="key", max_retries=0)
    client.chat.completions.create(model="gpt-4o-mini", messages=messages, temperature=0)
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    for _ in stream:
        pass
    client.embeddings.create(model="text-embedding-3-small", input="hello")
    try:
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "fail with 400"}])
    except openai.BadRequestError:
        pass


def with_anthropic():
    import anthropic

    mlflow.anthropic.autolog()
    client = anthropic.Anthropic(base_url=fake, api_key="key", max_retries=0)
    client.messages.create(model="claude-3-5-sonnet-20241022", max_tokens=100, messages=messages)
    tool = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    client.messages.create(model="claude-3-5-sonnet-20241022", max_tokens=100, messages=messages, tools=[tool])


def with_langchain():
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI

    mlflow.langchain.autolog()
    model = ChatOpenAI(base_url=fake + "/v1", api_key="key", model="gpt-4o-mini", max_retries=0)
    chain = ChatPromptTemplate.from_template("Tell me about {topic}") | model | StrOutputParser()
    chain.invoke({"topic": "spans"})


{"openai": with_openai, "anthropic": with_anthropic, "langchain": with_langchain}[sys.argv[2]]()
mlflow.flush_trace_async_logging()
