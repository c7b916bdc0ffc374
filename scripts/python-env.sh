#!/usr/bin/env bash
# python-env.sh REQUIREMENTS: prints the python of a virtual environment that has exactly REQUIREMENTS,
# made on first use and kept in the cache under a hash of them. A line "# pip: OPTIONS" in the file is for pip.
set -euo pipefail
requirements=$1
cache=${SPANMILL_CACHE:-$HOME/.cache/spanmill}

key=$({ python3 --version; cat "$requirements"; } | sha256sum | cut -c1-16)
env=$cache/python-$key
if [[ -x $env/bin/python && -f $env/complete ]]; then
  echo "$env/bin/python"
  exit 0
fi

# A bare Debian has python3 without ensurepip, so that `python3 -m venv` fails there.
make_env() {
  python3 -m venv "$1" && return
  rm -rf "$1"
  echo "python3 -m venv does not work here; trying virtualenv" >&2
  python3 -m pip install --quiet --target "$cache/virtualenv" virtualenv &&
    PYTHONPATH=$cache/virtualenv python3 -m virtualenv --quiet "$1" && return
  rm -rf "$1"
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing python3-venv" >&2
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv && python3 -m venv "$1" && return
  fi
  echo "no way to make a Python environment: install python3-venv (Debian: apt-get install python3-venv)" >&2
  return 1
}

{
  echo "making a Python environment for $requirements (about a minute, once)"
  mkdir -p "$cache"
  rm -rf "$env"
  make_env "$env"
  read -ra options < <(sed -n 's/^# pip: //p' "$requirements") || true
  "$env/bin/python" -m pip install --quiet --disable-pip-version-check "${options[@]}" --requirement "$requirements"
  touch "$env/complete"
} >&2
echo "$env/bin/python"
