#!/usr/bin/env bash
# stage.sh NAME COMMAND…: runs COMMAND between two lines that say what runs and how long it took.
set -euo pipefail
name=$1
shift
started=$SECONDS
printf '=== %s\n' "$name"
if "$@"; then
  printf -- '--- ok   %s (%ds)\n' "$name" $((SECONDS - started))
else
  status=$?
  printf -- '--- FAIL %s (%ds, exit %d)\n' "$name" $((SECONDS - started)) "$status"
  exit "$status"
fi
