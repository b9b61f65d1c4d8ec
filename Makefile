# demo   the whole service at once, with a sample exchange     test   everything CI runs beside check
# check  format, lints, dependencies, documentation           quick  what fails most often, in under a minute
# bench  what things cost, printed                            load   requests and rows a second (tests/load)
# pins   writes anew what must not drift                      bare   the README's two commands on a bare Debian
# release  programs, symbols, checksums and a list of parts, in target/release-VERSION
# web    the pages' browser code anew: web/dist from web/src
# fuzz   mangled inputs on everything that reads what outsiders hand us, FUZZ_SECONDS for each format
.PHONY: demo test check quick bench load pins postgres bare release fuzz web

ASSAY := target/release/assay
# the demo keeps its database and secret to itself
export ASSAY_HOME ?= $(CURDIR)/target/assay-home
# derived once, for the demo and for all tests
export TEST_PARAMETERS ?= $(CURDIR)/target/assay-parameters

demo: postgres
	cargo build --release --workspace --locked
	mkdir -p $(ASSAY_HOME) $(TEST_PARAMETERS)
	test -e $(ASSAY_HOME)/parameters || ln -s $(TEST_PARAMETERS) $(ASSAY_HOME)/parameters
	$(ASSAY) demo $(DEMO_ARGUMENTS)

# Postgres for tests and the demo: installed where it is missing and we may
postgres:
	./.ci/postgres

check:
	./.ci/run format lints documentation dependencies

test:
	./.ci/run install build tests vector published full-disk postgres-15 postgres-newest interface deploy image web vectors independent readme fuzz

# no database and no large circuit
quick:
	cargo fmt --all --check
	cargo test --release --workspace --locked --lib --bins
	cargo test --release --package assay-programs --locked --test soundness -- rules:: accounts::

bench:
	cargo bench --package assay-programs --bench tree
	cargo bench --package assay-msm --bench msm
	cargo bench --package assay-programs --bench paths -- solvency-512 7
	cargo bench --package assay-programs --bench paths -- compliance-512 7
	cargo bench --package assay-programs --bench fold -- solvency-64 12
	cargo bench --package assay-programs --bench fold -- solvency-512 7

load: postgres
	cargo build --release --package assay
	python3 tests/load/load.py

pins:
	cargo run --release --package assay-programs --example pins -- --vectors
	UPDATE_PINS=1 cargo test --release --package assay --lib cli
	UPDATE_PINS=1 cargo test --release --package assay --lib api
	UPDATE_PINS=1 cargo test --release --package assay --lib pages
	UPDATE_PINS=1 PATH=/usr/lib/postgresql/15/bin:$$PATH TEST_POSTGRES=15 \
		cargo test --release --package assay --test pg schema_sql_is -- --ignored

bare:
	./.ci/bare

release:
	./.ci/release

fuzz:
	./.ci/fuzz $(FUZZ_SECONDS)

web:
	cd web && npm ci --no-audit --no-fund --loglevel=error && node build.mjs
