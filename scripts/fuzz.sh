#!/usr/bin/env bash
# fuzz.sh: runs every fuzz target of the module for FUZZTIME, one after the other.
set -euo pipefail
fuzztime=${FUZZTIME:-20s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# fuzz TARGET DIR: one run, shown and kept in $log.
fuzz() {
  echo "fuzz $1 ($2)"
  go test -run '^$' -fuzz "^$1\$" -fuzztime "$fuzztime" "$2" 2>&1 | tee "$log"
}

# Go up to 1.26 may report the end of -fuzztime itself as a failure on a busy machine (go.dev/issue/75804). It then
# says nothing but this and has no failing input; a finding, a panic or a hang says more.
ran_out_of_time() {
  [[ $(sed -n '/^--- FAIL: /,/^FAIL$/p' "$log" | sed '1d;$d') =~ ^[[:space:]]*context\ deadline\ exceeded$ ]]
}

# file:func pairs; a target is a function FuzzX in a test file.
targets=$(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func /:/' | sort)
[[ -n $targets ]] || { echo "no fuzz targets"; exit 0; }
while IFS=: read -r file target; do
  dir=$(dirname "$file")
  if ! fuzz "$target" "$dir"; then
    ran_out_of_time || exit 1
    echo "fuzz $target: the time ran out inside Go's coordinator; once more, and this time it must pass"
    fuzz "$target" "$dir"
  fi
done <<<"$targets"
