#!/usr/bin/env bash
# The black-box cases against two copies of the service over one Redis: a table by family, then the cases that failed.
set -euo pipefail
cd "$(dirname "$0")/.."
bin="${CARGO_TARGET_DIR:-target}/debug"
work=$(mktemp -d)
started=()
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() {
  for _ in $(seq 100); do
    if curl --silent --fail --max-time 1 "$1" >/dev/null; then return; fi
    sleep 0.1
  done
  echo "$1 does not answer; its log:" >&2
  cat "$work"/*.log >&2
  exit 1
}

redis=$(free_port) one=$(free_port) two=$(free_port)
redis-server --port "$redis" --bind 127.0.0.1 --save '' --dir "$work" >"$work/redis.log" & started+=($!)
for _ in $(seq 100); do redis-cli -p "$redis" ping >/dev/null 2>&1 && break; sleep 0.1; done

"$bin/procura" dev --dir "$work/world" --listen "127.0.0.1:$one" --redis "redis://127.0.0.1:$redis" >"$work/one.log" 2>&1 & started+=($!)
wait_for "http://127.0.0.1:$one/readyz"
sed -e "s/^listen = .*/listen = \"127.0.0.1:$two\"/" -e 's/events.jsonl/events-two.jsonl/' "$work/world/config.toml" >"$work/world/two.toml"
"$bin/procura" serve --config "$work/world/two.toml" >"$work/two.log" 2>&1 & started+=($!)
wait_for "http://127.0.0.1:$two/readyz"

"$bin/procura-conformance" table --dev "$work/world" --second-issuer-url "http://127.0.0.1:$two"
