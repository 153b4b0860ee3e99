# make run    everything for development, until Ctrl-C
# make test   all tests; make fmt, lint, clean as usual
SHELL := /bin/bash
.DEFAULT_GOAL := help
export RUST_BACKTRACE := 0
export EVENTHUB_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eventhub
TARGET := $(or $(CARGO_TARGET_DIR),target)
EVENTHUB := $(TARGET)/release/eventhub

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: setup
setup:
	@setup/packages.sh
	@mkdir -p target && setup/wasm.sh > target/wasm-toolchain && setup/kafka.sh > target/kafka-libs

.PHONY: components
components: setup
	@setup/components.sh "$$(cat target/wasm-toolchain)"

.PHONY: host
host: setup
	@. setup/lib.sh; say "building the host"; cargo build --release --locked --quiet -p eventhub

.PHONY: build
build: components host ## components and host

.PHONY: run
run: build ## start everything for development
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up

# The tests and the host that they drive are built in one go, so that their dependencies are compiled once.
.PHONY: test
test: setup ## all tests, on private servers
	@. setup/lib.sh; say "building the host and the tests (about 20 minutes the first time)"
	@cargo build --release --locked --quiet --workspace --bins --tests
	@EVENTHUB_COMPOSE="$(abspath $(TARGET))/release/eventhub-compose" setup/components.sh "$$(cat target/wasm-toolchain)"
	@. setup/lib.sh; say "running the tests"
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" EVENTHUB_BIN="$(abspath $(EVENTHUB))" \
	  cargo test --release --locked --workspace --bins --lib --tests --no-fail-fast

.PHONY: fmt
fmt: ## format the code
	@cargo fmt --all

.PHONY: lint
lint: ## format check and clippy, warnings are errors
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: clean
clean: ## remove what was built and the development environment's data
	@cargo clean --quiet; rm -rf target .eventhub
