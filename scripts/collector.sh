#!/usr/bin/env bash
# collector.sh: prints the path of the OpenTelemetry Collector that bench/collector/builder.yaml describes, built
# with the Collector's own builder when it is first asked and kept in SPANMILL_CACHE, keyed by that file.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
recipe=$root/bench/collector/builder.yaml
builder=v0.161.0
cache=${SPANMILL_CACHE:-$HOME/.cache/spanmill}/collector
tool=$cache/otelcol-bench-$(sha256sum "$recipe" | cut -c1-16)

if [[ ! -x $tool ]]; then
  echo "collector.sh: building the Collector (about 5 minutes, once)" >&2
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  cp "$recipe" "$building/"
  # The builder makes a module of its own below the folder it runs in.
  if ! (cd "$building" && GOFLAGS=-buildvcs=false GOWORK=off CGO_ENABLED=0 \
    go run "go.opentelemetry.io/collector/cmd/builder@$builder" --config builder.yaml) >"$tool.log" 2>&1 </dev/null; then
    tail -n 30 "$tool.log" >&2
    echo "collector.sh: the build failed" >&2
    exit 1
  fi
  # A rename, so that a broken-off build never leaves half a tool behind.
  mv "$building/build/otelcol-bench" "$tool"
fi
echo "$tool"
