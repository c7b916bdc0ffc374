#!/usr/bin/env bash
# counters.sh TOOL ARGS…: what go runs its tools with (-toolexec) to build for fuzzing. A fuzzer reads all coverage
# counters after each execution. Those of libraries, some hundred thousand, take ten times as long as what is tested: here
# only the module's own packages have some.
set -euo pipefail
tool=$1
shift
if [[ $(basename "$tool") != compile ]]; then
  exec "$tool" "$@"
fi
if [[ $1 == -V=full ]]; then
  echo "$("$tool" "$@") own-counters" # keys of the build cache are made of it
  exit
fi
args=("$@")
if [[ " $* " != *" -p github.com/spanmill/spanmill/"* ]]; then
  args=()
  for arg in "$@"; do
    [[ $arg == -d=libfuzzer ]] || args+=("$arg")
  done
fi
exec "$tool" "${args[@]}"
