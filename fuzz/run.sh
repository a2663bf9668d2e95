#!/usr/bin/env bash
# Runs every fuzz target, or those named: fuzz/run.sh [-s SECONDS] [TARGET…]. As many at once as there are cores.
#
# The stable compiler builds them with coverage; cargo-fuzz on nightly adds the address sanitizer (README.md).
set -euo pipefail
cd "$(dirname "$0")"

seconds=60
if [ "${1:-}" = -s ]; then
  seconds=$2
  shift 2
fi
targets=("$@")
if [ $# = 0 ]; then
  mapfile -t targets < <(basename -s .rs fuzz_targets/*.rs)
fi

coverage=(
  -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg=fuzzing
  -Ccodegen-units=1 -Cdebug-assertions
)
# Named, so that build scripts and macros are not built with coverage: nothing would link them.
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${coverage[*]}" cargo build --locked --release --target "$host" --target-dir target/stable
python3 seed.py

run() {
  mkdir -p "corpus/$1" "artifacts/$1"
  log=artifacts/$1.log
  if ! "target/stable/$host/release/$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -dict=jose.dict \
    -artifact_prefix="artifacts/$1/" "corpus/$1" >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "fuzz $1: a defect; its input is in fuzz/artifacts/$1/"
    return 1
  fi
  echo "fuzz $1: $(grep -a '^Done' "$log")"
}
export -f run
export host seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I{} bash -c 'run {}'
