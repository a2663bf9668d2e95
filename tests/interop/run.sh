#!/usr/bin/env bash
# Clients of other authors against a running service and a guarded calendar. Needs what `cargo build --workspace
# --bins --examples` and tools/setup.sh leave behind. Exit code 0 if every suite passed.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

binaries=${CARGO_TARGET_DIR:-target}
[[ $binaries = /* ]] || binaries=$root/$binaries
binaries=$binaries/debug
python=$root/.venv/bin/python
# Where tools/setup.sh puts Node if the machine's is too old.
export PATH=$root/.venv/bin:$PATH

# Tests run with a proxy in the environment, too: nothing here leaves the machine.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

dir=$(mktemp -d)
started=()
stop() {
  local status=$?
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ "$status" != 0 ]; then tail -n 20 "$dir"/*.log >&2 || true; fi
  rm -rf "$dir"
  exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

# All held at once, so that they differ.
read -r service_port mutual_port calendar_port gateway_port platform_port < <("$python" -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(socket.getsockname()[1] for socket in held))')

# Answers below 500 count: the calendar is ready when it asks for credentials.
ready() {
  local pid=$1 url=$2
  for _ in {1..150}; do
    if "$python" -c '
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=2)
except urllib.error.HTTPError as answer:
    sys.exit(answer.code >= 500)
except OSError:
    sys.exit(1)' "$url"; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then echo "interop: what should serve $url has stopped" >&2; return 1; fi
    sleep 0.2
  done
  echo "interop: $url is not ready" >&2
  return 1
}

export INTEROP_DIR=$dir/world
export INTEROP_MESSAGES=$binaries/examples/message_peer
export INTEROP_PROCURA=$binaries/procura
export INTEROP_ISSUER=http://127.0.0.1:$service_port
export INTEROP_RESOURCE=http://127.0.0.1:$calendar_port/calendar
# The same resource as another server has it, which takes WITs; requests name INTEROP_RESOURCE all the same.
export INTEROP_GATEWAY=http://127.0.0.1:$gateway_port/calendar

# A user of the development world adds targets and policies like this.
mkdir -p "$INTEROP_DIR"/{targets,policies}
sed "s|@resource@|$INTEROP_RESOURCE|" target.toml >"$INTEROP_DIR/targets/interop.toml"
sed "s|@resource@|$INTEROP_RESOURCE|" policy.cedar >"$INTEROP_DIR/policies/interop.cedar"

"$INTEROP_PROCURA" dev --dir "$INTEROP_DIR" --listen "127.0.0.1:$service_port" --mtls "127.0.0.1:$mutual_port" \
  >"$dir/service.log" 2>&1 &
started+=($!)
ready "${started[-1]}" "$INTEROP_ISSUER/readyz"
"$binaries/calendar" --issuer "$INTEROP_ISSUER" --resource "$INTEROP_RESOURCE" --listen "127.0.0.1:$calendar_port" --nonces \
  >"$dir/calendar.log" 2>&1 &
started+=($!)
ready "${started[-1]}" "$INTEROP_RESOURCE"

"$INTEROP_PROCURA" keys generate --out "$dir/calendar.jwk" >/dev/null
"$INTEROP_PROCURA" dev svid --kind wit --id /server/calendar --key "$dir/calendar.jwk" --dir "$INTEROP_DIR" >"$dir/calendar.wit"
"$binaries/calendar" --issuer "$INTEROP_ISSUER" --resource "$INTEROP_RESOURCE" --listen "127.0.0.1:$gateway_port" \
  --trust-domain dev.procura.test --bundle "$INTEROP_ISSUER/spiffe/bundle" --wit "$dir/calendar.wit" --key "$dir/calendar.jwk" \
  >"$dir/gateway.log" 2>&1 &
started+=($!)
ready "${started[-1]}" "$INTEROP_GATEWAY"

# A service that believes every platform of tests/platforms, by keys that joserfc makes.
export PYTHONDONTWRITEBYTECODE=1
"$INTEROP_PROCURA" dev user-token --sub alice --dir "$dir/platforms" >/dev/null
"$python" platforms/prepare.py "$dir/platforms" "http://127.0.0.1:$platform_port"
"$INTEROP_PROCURA" serve --config "$dir/platforms/config.toml" >"$dir/platforms.log" 2>&1 &
started+=($!)
ready "${started[-1]}" "http://127.0.0.1:$platform_port/readyz"

# Every suite runs, whatever the others say.
failed=0
echo "interop: the example agent"
"$INTEROP_PROCURA" dev svid --kind jwt --id /agent/planner --dir "$INTEROP_DIR" >"$dir/svid.jwt"
"$INTEROP_PROCURA" dev user-token --sub alice --dir "$INTEROP_DIR" >"$dir/user.jwt"
planned=$("$binaries/planner" --issuer "$INTEROP_ISSUER" --resource "$INTEROP_RESOURCE" --scope calendar.read \
  --svid "$dir/svid.jwt" --user-token "$dir/user.jwt" --json) || failed=1
case $planned in
  *'"actor":"spiffe://dev.procura.test/agent/planner"'*'"subject":"dev:alice"'*) echo "the planner read alice's calendar" ;;
  *'"subject":"dev:alice"'*'"actor":"spiffe://dev.procura.test/agent/planner"'*) echo "the planner read alice's calendar" ;;
  *) echo "the planner got: $planned" >&2; failed=1 ;;
esac
echo "interop: python"
PYTHONPATH=$root/spec-conformance/tools "$python" -m unittest discover --start-directory python || failed=1
echo "interop: platforms"
INTEROP_ISSUER=http://127.0.0.1:$platform_port INTEROP_DIR=$dir/platforms PYTHONPATH=python \
  "$python" -m unittest discover --start-directory platforms || failed=1
echo "interop: node"
node --test --test-reporter=spec node/*.test.mjs || failed=1
exit "$failed"
