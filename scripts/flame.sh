#!/usr/bin/env bash
# flame.sh NAME.pprof…: beside each CPU profile, NAME.txt, the functions that used most, and NAME.html, pprof's own
# flame graph as one page that needs nothing else.
set -euo pipefail

# page PROFILE HTML: pprof draws flame graphs for browsers only, so it is asked as one.
page() {
  local url="" log
  log=$(mktemp)
  go tool pprof -http=localhost: -no_browser "$1" >"$log" 2>&1 &
  local server=$!
  trap 'kill "$server" 2>/dev/null || true; rm -f "$log"' RETURN
  for _ in {1..100}; do
    url=$(sed -n 's/^Serving web UI on //p' "$log")
    if [[ -n $url ]] && curl --silent --fail --output "$2" "$url/ui/flamegraph"; then return; fi
    sleep 0.2
  done
  cat "$log" >&2
  return 1
}

for profile in "$@"; do
  name=${profile%.pprof}
  go tool pprof -top -nodecount=60 "$profile" >"$name.txt" 2>/dev/null
  page "$profile" "$name.html"
  echo "$name.txt, $name.html" >&2
done
