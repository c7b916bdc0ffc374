"""prices_cases.py WHEEL OUT: records what model calls cost, for internal/pricing's tests.

Each case has the model's entry as MLflow's catalogue in WHEEL has it, so that a test can work out the cost by itself,
and what LiteLLM's cost function says where LiteLLM's own prices of the model are the same as the catalogue's.
"""

import json
import sys
import zipfile

import litellm
from litellm.litellm_core_utils.llm_cost_calc.utils import generic_cost_per_token
from litellm.types.utils import CacheCreationTokenDetails, CompletionTokensDetailsWrapper, PromptTokensDetailsWrapper, Usage

# Provider as OpenTelemetry calls it, as the catalogue does, and models of it.
MODELS = [
    ("openai", "openai", ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5-mini", "o3", "text-embedding-3-small"]),
    ("openai", "openai", ["gpt-4o-audio-preview"]),
    ("anthropic", "anthropic", ["claude-sonnet-4-5", "claude-opus-4-1", "claude-haiku-4-5", "claude-3-haiku-20240307"]),
    ("gcp.gemini", "gemini", ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"]),
    ("gcp.vertex_ai", "vertex_ai", ["gemini-2.5-pro", "claude-sonnet-4-5"]),
    ("azure.ai.openai", "azure", ["gpt-4o", "gpt-4.1-mini"]),
    ("aws.bedrock", "bedrock", ["anthropic.claude-3-5-sonnet-20241022-v2:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"]),
    ("mistral_ai", "mistral", ["mistral-large-latest"]),
    ("deepseek", "deepseek", ["deepseek-chat"]),
    ("groq", "groq", ["llama-3.3-70b-versatile"]),
    ("x_ai", "xai", ["grok-4"]),
    ("cohere", "cohere", ["command-r-plus-08-2024"]),
    ("cohere", "cohere_chat", ["command-r-plus-08-2024", "command-a-03-2025"]),
]

USAGES = {
    "plain": {"input": 1237, "output": 311},
    "cached": {"input": 10_500, "output": 77, "cache_read": 10_000},
    "written": {"input": 9001, "output": 13, "cache_read": 1000, "cache_write": 7003, "cache_write_1h": 2001},
    "reasoning": {"input": 431, "output": 9123, "reasoning": 8009},
    "audio": {"input": 911, "output": 677, "audio_input": 503, "audio_output": 601},
    "at the threshold": {"input": 200_000, "output": 7},
    "long": {"input": 200_001, "output": 7, "cache_read": 150_001},
    "twice as long": {"input": 400_003, "output": 9},
}
TIERS = ["", "batch", "flex", "priority"]
LITE = {
    "input_per_million_tokens": "input_cost_per_token",
    "output_per_million_tokens": "output_cost_per_token",
    "cache_read_per_million_tokens": "cache_read_input_token_cost",
    "cache_write_per_million_tokens": "cache_creation_input_token_cost",
}


def entries(wheel):
    with zipfile.ZipFile(wheel) as z:
        for otel, provider, models in MODELS:
            catalogue = json.loads(z.read(f"mlflow/utils/model_catalog/{provider}.json"))["models"]
            for model in models:
                if "pricing" in catalogue.get(model, {}):
                    yield otel, provider, model, catalogue[model]["pricing"]


def applies(name, tier, pricing):
    """Leaves out calls for which the catalogue has no rates, and shapes that show nothing for a model."""
    if tier and tier not in pricing.get("service_tiers", {}):
        return False
    if name == "audio":
        return "audio" in pricing.get("modality", {}) and not tier
    if name == "written":
        return "cache_write_per_million_tokens" in pricing and not tier
    if "long" in name or name == "at the threshold":
        return "long_context" in pricing and not tier
    return name == "plain" or not tier or name == "cached"


def same(info, pricing, tier):
    """Whether LiteLLM has the catalogue's prices of a model."""
    def equal(field, value, names):
        theirs = info.get(field)
        ours = value.get(names)
        return (theirs is None) == (ours is None) and (ours is None or abs(theirs * 1e6 - ours) < 1e-9)

    suffix = {"batch": "_batches"}.get(tier, f"_{tier}" if tier else "")
    ok = all(equal(lite, pricing, ours) for ours, lite in LITE.items())
    if "cache_write_1hr_per_million_tokens" in pricing:
        ok = ok and equal("cache_creation_input_token_cost_above_1hr", pricing, "cache_write_1hr_per_million_tokens")
    if tier:
        ok = ok and all(equal(lite + suffix, pricing["service_tiers"][tier], ours) for ours, lite in LITE.items())
    for long in pricing.get("long_context", []):
        over = f"_above_{long['threshold_tokens'] // 1000}k_tokens"
        ok = ok and all(equal(lite + over, long, ours) for ours, lite in LITE.items())
    audio = pricing.get("modality", {}).get("audio", {})
    ok = ok and equal("input_cost_per_audio_token", audio, "input_per_million_tokens")
    return ok and equal("output_cost_per_audio_token", audio, "output_per_million_tokens")


def lite_cost(provider, model, pricing, tier, usage):
    """None where LiteLLM has other prices, or prices such calls by another function (batches)."""
    if tier == "batch":
        return None
    try:
        info = litellm.get_model_info(model=model, custom_llm_provider=provider)
    except Exception:
        return None
    if not same(info, pricing, tier):
        return None
    written, hour = usage.get("cache_write", 0), usage.get("cache_write_1h", 0)
    tokens = Usage(
        prompt_tokens=usage["input"],
        completion_tokens=usage["output"],
        total_tokens=usage["input"] + usage["output"],
        prompt_tokens_details=PromptTokensDetailsWrapper(
            cached_tokens=usage.get("cache_read", 0),
            cache_creation_tokens=written,
            audio_tokens=usage.get("audio_input", 0),
            cache_creation_token_details=CacheCreationTokenDetails(
                ephemeral_5m_input_tokens=written - hour, ephemeral_1h_input_tokens=hour
            ) if written else None,
        ),
        completion_tokens_details=CompletionTokensDetailsWrapper(
            reasoning_tokens=usage.get("reasoning", 0), audio_tokens=usage.get("audio_output", 0)
        ),
    )
    return sum(generic_cost_per_token(model=model, usage=tokens, custom_llm_provider=provider, service_tier=tier or None))


def main():
    wheel, out = sys.argv[1], sys.argv[2]
    cases = []
    for otel, provider, model, pricing in entries(wheel):
        for tier in TIERS:
            for name, usage in USAGES.items():
                if applies(name, tier, pricing):
                    cost = lite_cost(provider, model, pricing, tier, usage)
                    cases.append({
                        "provider": otel, "catalogue": provider, "model": model, "tier": tier, "shape": name,
                        "usage": usage, "litellm_dollars": cost, "pricing": pricing,
                    })
    agreeing = sum(c["litellm_dollars"] is not None for c in cases)
    print(f"{len(cases)} cases, {agreeing} of them priced by LiteLLM from the same prices")
    with open(out, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, sort_keys=True) for c in cases) + "\n]\n")


main()
