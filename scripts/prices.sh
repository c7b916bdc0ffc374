#!/usr/bin/env bash
# prices.sh [VERSION [EFFECTIVE_AT]]: adds what is new in the model catalogue of MLflow's release VERSION to the price books
# in internal/pricing/data. The new book is in force from EFFECTIVE_AT on, else from the next midnight (UTC): what was
# priced before must not change.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:-3.18.0}
effective=${2:-$(date -u -d tomorrow +%Y-%m-%dT00:00:00Z)}
data=internal/pricing/data

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder" "mlflow==$version"
wheel=$(ls "$folder"/*.whl)
python3 scripts/prices.py "$wheel" "$data" "mlflow-$version" "$effective"
unzip -p "$wheel" '*/licenses/LICENSE.txt' >"$data/LICENSE"
