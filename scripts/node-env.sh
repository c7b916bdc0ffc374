#!/usr/bin/env bash
# node-env.sh DIR: prints a node_modules folder that holds exactly what DIR/package-lock.json names,
# installed on first use and kept in the cache under a hash of it.
set -euo pipefail
dir=$1
cache=${SPANMILL_CACHE:-$HOME/.cache/spanmill}

key=$({ node --version; cat "$dir/package.json" "$dir/package-lock.json"; } | sha256sum | cut -c1-16)
env=$cache/node-$key
if [[ ! -f $env/complete ]]; then
  echo "installing the npm packages of $dir (once)" >&2
  rm -rf "$env"
  mkdir -p "$env"
  cp "$dir/package.json" "$dir/package-lock.json" "$env/"
  # The packages are plain JavaScript: their install scripts have nothing to do.
  npm ci --prefix "$env" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  touch "$env/complete"
fi
echo "$env/node_modules"
