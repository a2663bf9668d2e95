#!/usr/bin/env bash
# Installs what the tests need: Redis, and the Python and Node packages that act as peers. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! command -v redis-server >/dev/null; then
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server
fi

# josekit, a second opinion in the tests of procura-token, builds against OpenSSL.
if ! command -v pkg-config >/dev/null || ! pkg-config --exists openssl; then
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libssl-dev pkg-config
fi

if ! .venv/bin/python -c 'import joserfc, jwcrypto, requests' 2>/dev/null; then
  python3 -m venv .venv
  .venv/bin/python -m pip install --quiet --requirement tests/interop/requirements.txt
fi

if [ ! -d tests/interop/node_modules/jose ]; then
  npm ci --silent --no-audit --no-fund --prefix tests/interop
fi
