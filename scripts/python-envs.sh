#!/usr/bin/env bash
# python-envs.sh REQUIREMENTS…: python-env.sh for each.
set -euo pipefail
for requirements in "$@"; do
  "$(dirname "$0")/python-env.sh" "$requirements" >/dev/null
done
