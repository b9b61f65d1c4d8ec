# demo   the whole service at once, with a sample exchange     test   everything CI runs beside check
# check  format, lints, dependencies, documentation           bench  what things cost, printed
# load   requests and rows a second (tests/load)              pins   writes anew what must not drift
.PHONY: demo test check bench load pins postgres

ASSAY := target/release/assay
# the demo keeps its database, secret and parameters to itself
export ASSAY_HOME ?= $(CURDIR)/target/assay-home

demo: postgres
	cargo build --release --package assay
	$(ASSAY) demo $(DEMO_ARGUMENTS)

# Postgres for tests and the demo: installed where it is missing and we may
postgres:
	./.ci/postgres

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	./.ci/supply-chain

test: postgres
	cargo test --workspace --locked
	./.ci/schemathesis
	python3 circuits/vectors/check.py

bench:
	cargo bench --package assay-circuits --bench tree
	cargo bench --package assay-circuits --bench fold -- solvency-64 12
	cargo bench --package assay-circuits --bench fold -- solvency-512 7

load: postgres
	cargo build --release --package assay
	python3 tests/load/load.py

pins:
	cargo run --release --package assay-circuits --example pins -- --vectors
	UPDATE_PINS=1 cargo test --package assay --lib cli
	UPDATE_PINS=1 cargo test --package assay --lib api
	UPDATE_PINS=1 cargo test --package assay --test pg schema
