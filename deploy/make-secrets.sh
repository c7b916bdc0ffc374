#!/usr/bin/env bash
# make-secrets.sh [DIR]: makes what docker-compose.yml reads as secrets, by default in deploy/secrets. It keeps files
# that exist. The API key is shown once: the gateway is given its hash only.
set -euo pipefail
dir=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
umask 022 # the containers' users read the files
mkdir -p "$dir"
chmod 0700 "$dir" # nobody else reaches them: each is mounted by itself

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

if [[ -e $dir/clickhouse-password ]]; then
  password=$(<"$dir/clickhouse-password")
else
  password=$(random)
  printf '%s\n' "$password" >"$dir/clickhouse-password"
fi
# Written anew each time: whoever changes the password runs this again and restarts clickhouse and writer.
cat >"$dir/clickhouse-user.xml" <<XML
<clickhouse><users><spanmill><password_sha256_hex>$(hash "$password")</password_sha256_hex></spanmill></users></clickhouse>
XML

if [[ ! -e $dir/api-keys.yaml ]]; then
  key=sm_$(random)
  cat >"$dir/api-keys.yaml" <<YAML
- sha256: $(hash "$key")
  tenant: default
  rights: [write, read]
  name: made by make-secrets.sh
YAML
  echo "API key of tenant default, shown only now: $key"
fi
