#!/usr/bin/env bash
# golangci.sh ARGS…: golangci-lint of the one version this project uses, built from source on first use.
set -euo pipefail
version=v2.15.0
cache=${SPANMILL_CACHE:-$HOME/.cache/spanmill}
tool=$cache/bin/golangci-lint-$version

if [[ ! -x $tool ]]; then
  echo "building golangci-lint $version (about 3 minutes, once)" >&2
  mkdir -p "$cache/bin"
  building=$(mktemp -d "$cache/bin/building.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  GOBIN=$building GOFLAGS= go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
  # A rename, so that a broken-off build never leaves half a tool behind.
  mv "$building/golangci-lint" "$tool"
fi
"$tool" "$@"
