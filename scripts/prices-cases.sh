#!/usr/bin/env bash
# prices-cases.sh: records what model calls cost, by the catalogue that internal/pricing ships and by LiteLLM, for its tests.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-3.18.0}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder" "mlflow==$version"
python=$(scripts/python-env.sh scripts/prices-requirements.txt)
LITELLM_LOCAL_MODEL_COST_MAP=True "$python" scripts/prices_cases.py "$folder"/*.whl internal/pricing/testdata/cases.json
