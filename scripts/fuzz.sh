#!/usr/bin/env bash
# fuzz.sh: runs every fuzz target of the module for FUZZTIME, one after the other.
set -euo pipefail
fuzztime=${FUZZTIME:-20s}

# file:func pairs; a target is a function FuzzX in a test file.
targets=$(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func /:/' | sort)
[[ -n $targets ]] || { echo "no fuzz targets"; exit 0; }
while IFS=: read -r file target; do
  echo "fuzz $target ($(dirname "$file"))"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$(dirname "$file")"
done <<<"$targets"
