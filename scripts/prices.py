"""prices.py WHEEL FOLDER VERSION EFFECTIVE_AT: makes the price book that spanmill ships out of the model
catalogue in MLflow's wheel.

The book that it writes to FOLDER has what is not in the books there already, so that prices that were in force
once stay what they were; the first book is whole. A model that vanished from the catalogue keeps its price.
Amounts are US dollars for a million tokens, in the digits of the catalogue.
"""

import json
import pathlib
import sys
import zipfile
from decimal import Decimal

CATALOGUE = "mlflow/utils/model_catalog/"
FIELDS = {
    "input_per_million_tokens": "in",
    "output_per_million_tokens": "out",
    "cache_read_per_million_tokens": "cr",
    "cache_write_per_million_tokens": "cw",
    "cache_write_1hr_per_million_tokens": "cw1h",
}
# Pictures and films are sold by the piece or the second, which no span reports.
UNPRICED_MODES = {"image_generation", "video_generation"}


def number(value):
    return format(Decimal(value).normalize(), "f")


def rates(pricing, prefix=""):
    for field, short in FIELDS.items():
        if pricing.get(field) is not None:
            yield prefix + short, number(pricing[field])


def line_of(provider, pricing):
    out = list(rates(pricing))
    audio = (pricing.get("modality") or {}).get("audio") or {}
    for field, short in (("input_per_million_tokens", "ai"), ("output_per_million_tokens", "ao")):
        if audio.get(field) is not None:
            out.append((short, number(audio[field])))
    for name, tier in sorted((pricing.get("service_tiers") or {}).items()):
        out.extend(rates(tier, name + "."))
    for tier in pricing.get("long_context") or []:
        above = tier["threshold_tokens"]
        if provider == "xai":
            above -= 1  # xAI's rates change at the threshold, everybody else's above it
        out.extend(rates(tier, f">{above}."))
    return " ".join(f"{name}={value}" for name, value in out)


def text_only(pricing):
    """False where pictures or films cost something else than text: how many of the tokens they were is not known."""
    for kind in ("image", "video"):
        for side in ("input", "output"):
            other = (pricing.get("modality") or {}).get(kind, {}).get(f"{side}_per_million_tokens")
            if other is not None and other != pricing.get(f"{side}_per_million_tokens"):
                return False
    return True


def catalogue(wheel):
    lines, left_out = {}, {}
    with zipfile.ZipFile(wheel) as z:
        for name in sorted(z.namelist()):
            if not (name.startswith(CATALOGUE) and name.endswith(".json")):
                continue
            provider = pathlib.PurePosixPath(name).stem
            models = json.loads(z.read(name), parse_float=Decimal)["models"]
            for model, entry in sorted(models.items()):
                pricing = entry.get("pricing")
                if not pricing:
                    why = "no price"
                elif entry.get("mode") in UNPRICED_MODES:
                    why = "not sold by tokens"
                elif not text_only(pricing):
                    why = "pictures cost more than text"
                else:
                    lines[provider, model] = line_of(provider, pricing)
                    continue
                left_out[why] = left_out.get(why, 0) + 1
    return lines, left_out


def known(folder):
    lines = {}
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text().splitlines():
            if not line.startswith("# "):
                provider, model, prices = line.split("\t")
                lines[provider, model] = prices
    return lines


def main():
    wheel, folder, version, effective_at = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    before = known(folder)
    lines, left_out = catalogue(wheel)
    changed = {k: v for k, v in lines.items() if before.get(k) != v}
    print(f"{len(lines)} models have prices, {len(changed)} of them new or other than before; left out: {left_out}")
    if not changed:
        return
    head = [
        f"# version: {version}",
        f"# effective_at: {effective_at}",
        "# from: the model catalogue of MLflow, see LICENSE and NOTICE",
    ]
    body = ["\t".join((*k, v)) for k, v in sorted(changed.items())]
    target = folder / f"{version}.tsv"
    target.write_text("\n".join(head + body) + "\n")
    print(f"wrote {target}")


main()
