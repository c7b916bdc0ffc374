#!/usr/bin/env bash
# fuzz.sh: runs every fuzz target of the module for FUZZTIME, one for each processor at a time.
set -euo pipefail
export FUZZTIME=${FUZZTIME:-20s}

# fuzz TARGET DIR LOG: one run on one processor, kept in LOG. It looks for findings rather than for the shortest form of
# each interesting input, on which Go otherwise spends most of a short run.
fuzz() {
  go test -toolexec "$PWD/scripts/counters.sh" -run '^$' -fuzz "^$1\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 10x -parallel 1 "$2" >"$3" 2>&1
}

# Go up to 1.26 may report the end of -fuzztime itself as a failure on a busy machine (go.dev/issue/75804). It then
# says nothing but this and has no failing input; a finding, a panic or a hang says more.
ran_out_of_time() {
  [[ $(sed -n '/^--- FAIL: /,/^FAIL$/p' "$1" | sed '1d;$d') =~ ^[[:space:]]*context\ deadline\ exceeded$ ]]
}

# try FILE:TARGET: the outcome, with what the run said in one piece.
try() {
  local dir target log status=0
  dir=$(dirname "${1%%:*}") target=${1##*:} log=$(mktemp)
  if ! fuzz "$target" "$dir" "$log"; then
    status=1
    if ran_out_of_time "$log"; then
      echo "fuzz $target: the time ran out inside Go's coordinator; once more, and this time it must pass"
      if fuzz "$target" "$dir" "$log"; then status=0; fi
    fi
  fi
  printf 'fuzz %s (%s)\n%s\n' "$target" "$dir" "$(<"$log")"
  rm -f "$log"
  return "$status"
}
export -f fuzz ran_out_of_time try

# file:func pairs; a target is a function FuzzX in a test file.
targets=$(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's/:[0-9]+:func /:/' | sort)
[[ -n $targets ]] || { echo "no fuzz targets"; exit 0; }
xargs -P "$(nproc)" -I{} bash -c 'try "$1" || exit 255' _ {} <<<"$targets"
