# demo   a sample exchange from ledger to verified proof      test   everything CI runs beside check
# check  format, lints, dependencies, documentation           bench  what things cost, printed
# pins   writes anew what must not drift (circuits/pins, circuits/vectors, the pinned help)
.PHONY: demo test check bench pins

DEMO := target/demo
ASSAY := target/release/assay
# the demo keeps its secret and parameters to itself
export ASSAY_HOME ?= $(CURDIR)/target/assay-home

demo:
	cargo build --release --package assay
	rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(ASSAY) sample --accounts 1000 --seed 7 --out $(DEMO)/ledger
	$(ASSAY) check $(DEMO)/ledger
	$(ASSAY) prove $(DEMO)/ledger --out $(DEMO)/attestation
	$(ASSAY) verify $(DEMO)/attestation
	$(ASSAY) inclusion $(DEMO)/attestation --account "$$(sed -n 2p $(DEMO)/ledger/accounts.csv | cut -d, -f1)" --out $(DEMO)/inclusion.json
	$(ASSAY) verify-inclusion $(DEMO)/inclusion.json --attestation $(DEMO)/attestation
	$(ASSAY) explain $(DEMO)/attestation

check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	./.ci/supply-chain

test:
	cargo test --workspace --locked
	python3 circuits/vectors/check.py

bench:
	cargo bench --package assay-circuits --bench tree
	cargo bench --package assay-circuits --bench fold -- solvency-64 12
	cargo bench --package assay-circuits --bench fold -- solvency-512 7

pins:
	cargo run --release --package assay-circuits --example pins -- --vectors
	UPDATE_PINS=1 cargo test --package assay --lib cli
