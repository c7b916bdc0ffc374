#!/usr/bin/env bash
# kafka.sh: prints the Java classpath of the Apache Kafka that tests run, resolving its jars when it is
# first asked. The list is kept in SPANMILL_CACHE, keyed by the pom; the jars are in mvn's own repository.
# Exit 3: java (17 or newer) or mvn is missing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pom=$root/tests/kafka/pom.xml
for tool in java mvn; do
  command -v "$tool" >/dev/null || { echo "kafka.sh: no $tool on this machine" >&2; exit 3; }
done
cache=${SPANMILL_CACHE:-$HOME/.cache/spanmill}/kafka
list=$cache/$(sha256sum "$pom" | cut -c1-16).classpath

# complete: the list is there, and every jar on it.
complete() {
  local jar jars
  [[ -s $list ]] || return 1
  IFS=: read -ra jars <"$list"
  for jar in "${jars[@]}"; do [[ -f $jar ]] || return 1; done
}

if ! complete; then
  mkdir -p "$cache"
  echo "kafka.sh: resolving the broker's jars" >&2
  if ! mvn -B -f "$pom" dependency:build-classpath -DincludeScope=runtime "-Dmdep.outputFile=$list.$$" \
    >"$list.log" 2>&1 </dev/null; then
    tail -n 30 "$list.log" >&2
    echo "kafka.sh: mvn failed" >&2
    exit 1
  fi
  echo >>"$list.$$" # read wants a whole line
  mv "$list.$$" "$list"
fi
cat "$list"
