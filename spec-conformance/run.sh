#!/usr/bin/env bash
# The black-box cases against four copies of the service over one Redis, two of them behind proxies of one kind each, one
# that lets in guests, some of them hostile: a table by family, then the cases that failed.
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

redis=$(free_port) one=$(free_port) mutual=$(free_port) two=$(free_port) three=$(free_port)
four=$(free_port) hostile=127.0.0.1:$(free_port)
redis-server --port "$redis" --bind 127.0.0.1 --save '' --dir "$work" >"$work/redis.log" & started+=($!)
for _ in $(seq 100); do redis-cli -p "$redis" ping >/dev/null 2>&1 && break; sleep 0.1; done

world=$work/world
"$bin/procura" dev --dir "$world" --listen "127.0.0.1:$one" --mtls "127.0.0.1:$mutual" --redis "redis://127.0.0.1:$redis" \
  >"$work/one.log" 2>&1 & started+=($!)
wait_for "http://127.0.0.1:$one/readyz"

# A copy that takes certificates from the proxy at 127.0.0.2, in this header field.
behind_proxy() {
  sed -e '/^\[mtls\]/,/^$/d' -e '/^\[admin\]/,/^$/d' -e "s/^listen = .*/listen = \"127.0.0.1:$2\"/" \
    -e "s/events.jsonl/events-$1.jsonl/" "$world/config.toml"
  printf '\n[proxy]\naddresses = ["127.0.0.2"]\nclient_certificate = "%s"\n' "$3"
}
behind_proxy two "$two" client-cert >"$world/two.toml"
behind_proxy three "$three" x-forwarded-client-cert >"$world/three.toml"
# A copy that trusts the guests: a second trust domain, a platform, and issuers of which all but one are out for harm.
disabled=$world/trust/disabled-four.toml
: >"$disabled"
"$bin/procura-conformance" guests --directory "$world" --hostile-address "$hostile" >"$work/guests.toml"
{
  sed -e '/^\[mtls\]/,/^$/d' -e '/^\[admin\]/,/^$/d' -e "s/^listen = .*/listen = \"127.0.0.1:$four\"/" \
    -e "s/events.jsonl/events-four.jsonl/" -e "s/disabled.toml/disabled-four.toml/" "$world/config.toml"
  cat "$work/guests.toml"
} >"$world/four.toml"
for copy in two three four; do
  "$bin/procura" serve --config "$world/$copy.toml" >"$work/$copy.log" 2>&1 & started+=($!)
  wait_for "http://127.0.0.1:${!copy}/readyz"
done

"$bin/procura-conformance" table --dev "$world" --second-issuer-url "http://127.0.0.1:$two" --proxy-address 127.0.0.2 \
  --client-cert-url "http://127.0.0.1:$two" --forwarded-url "http://127.0.0.1:$three" --redis "127.0.0.1:$redis" \
  --guest-url "http://127.0.0.1:$four" --guests "$world/guests" --hostile-address "$hostile" \
  --disabled-file "$disabled" \
  --written "$work/one.log" --written "$work/two.log" --written "$work/three.log" --written "$work/four.log" \
  --written "$world/audit/events.jsonl" --written "$world/audit/events-two.jsonl" \
  --written "$world/audit/events-three.jsonl" --written "$world/audit/events-four.jsonl" "$@"
