# run, test, bench, conformance, lint: everything else is behind these.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo

.PHONY: run test bench conformance lint interop setup fuzz

## Build, start the development world, show the tour, keep serving.
run:
	$(CARGO) build --locked --package procura --package procura-agents
	target/debug/procura dev --tour

## Everything: set-up, lints, a minute of each fuzz target, tests, foreign clients, conformance.
test: setup lint fuzz
	$(CARGO) test --locked --workspace --all-features
	$(MAKE) --no-print-directory interop
	$(MAKE) --no-print-directory conformance

## What the tests need and a new machine may lack.
setup:
	tools/setup.sh

## Formatting, lints, documentation, dependency rules.
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --all-features
	if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; fi

## Clients in other languages against a running service.
interop: setup
	$(CARGO) build --locked --workspace --bins --examples
	tests/interop/run.sh

## Black-box conformance against a running service: three copies over one Redis. Prints the table by family.
conformance: setup
	$(CARGO) build --locked --workspace
	spec-conformance/run.sh

## Criterion reports, then the load harness with the release binary.
bench: setup
	$(CARGO) bench --locked --workspace

## One minute of each fuzz target.
fuzz:
	fuzz/run.sh
