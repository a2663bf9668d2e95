#!/usr/bin/env bash
# Runs every fuzz target for a minute, or for as many seconds as the first argument says.
set -euo pipefail
cd "$(dirname "$0")"
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
for target in $(cargo +nightly fuzz list); do
  cargo +nightly fuzz run "$target" -- -max_total_time="${1:-60}"
done
