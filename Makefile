# make run    everything for development, until Ctrl-C
# make test   the tests that guard every change; make lint, test-all, bench, fmt, clean
SHELL := /bin/bash
.DEFAULT_GOAL := help
export RUST_BACKTRACE := 0
# A snapshot that has changed fails; `INSTA_UPDATE=always make test SERVICE=…` writes it anew.
export INSTA_UPDATE ?= no
export EVENTHUB_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eventhub
TARGET := $(or $(CARGO_TARGET_DIR),target)
EVENTHUB := $(TARGET)/release/eventhub

# rust-toolchain.toml pins the compiler. Where rustup may not install it, the stable one takes its place.
ifndef RUSTUP_TOOLCHAIN
ifneq ($(shell cargo --version >/dev/null 2>&1 || echo missing),)
export RUSTUP_TOOLCHAIN := stable
$(info The toolchain of rust-toolchain.toml is not installed; using $(shell RUSTUP_TOOLCHAIN=stable rustc --version).)
endif
endif

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z.-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: setup
setup:
	@setup/packages.sh
	@mkdir -p target && setup/wasm.sh > target/wasm-toolchain && setup/kafka.sh > target/kafka-libs

.PHONY: components
components: setup
	@setup/components.sh "$$(cat target/wasm-toolchain)"

.PHONY: host
host: setup
	@setup/progress.py "building the host" cargo build --release --locked -p eventhub -p eventhub-compose

.PHONY: build
build: host components ## components and host; and spin.toml and deploy/kubernetes/eventhub.yaml, of the manifest
	@$(MAKE) --no-print-directory manifests

# Files of the manifest for other hosts; git ignores them.
.PHONY: manifests
manifests:
	@$(EVENTHUB) deploy spin --dry-run > spin.toml.new && mv spin.toml.new spin.toml
	@$(EVENTHUB) deploy --dry-run -o yaml --config deploy/kubernetes/eventhub.toml > deploy/kubernetes/eventhub.yaml.new \
	  && mv deploy/kubernetes/eventhub.yaml.new deploy/kubernetes/eventhub.yaml

.PHONY: new-service
new-service: setup ## NAME=reviews: writes a service with one resource; docs/adding-a-service.md says what next
	@[ -n "$(NAME)" ] || { . setup/lib.sh; die "say the service's name, a plural noun: make new-service NAME=reviews"; }
	@cargo run --release --locked --quiet -p eventhub-new-service -- "$(NAME)"
	@cargo metadata --format-version 1 > /dev/null

.PHONY: dev
dev: build ## SERVICE=booking: as make run; each time a file of the service is saved, it is rebuilt and swapped in
	@[ -n "$(SERVICE)" ] || { . setup/lib.sh; die "say which service you work on: make dev SERVICE=booking"; }
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" EVENTHUB_COMPOSE="$(abspath $(TARGET))/release/eventhub-compose" \
	  setup/dev.sh "$(EVENTHUB)" "$(SERVICE)" "$$(cat target/wasm-toolchain)"

.PHONY: run
run: build ## start everything for development
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up

.PHONY: run-split
run-split: build ## the same with the gateway and each service in a process of its own
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up --on split

.PHONY: wash
wash: build ## the same on wasmCloud 2: NATS, a registry and wash host on this machine; make wash-dev: on wash dev
	@hosts=$$(setup/hosts.sh) && EVENTHUB_HOSTS="$$hosts" EVENTHUB_HOME=$${EVENTHUB_HOME:-.eventhub/wash} EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up --on wash

.PHONY: wash-dev
wash-dev: build
	@hosts=$$(setup/hosts.sh) && EVENTHUB_HOSTS="$$hosts" EVENTHUB_HOME=$${EVENTHUB_HOME:-.eventhub/wash-dev} EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up --on wash-dev

.PHONY: wasmtime
wasmtime: build ## the same under wasmtime serve, a process per service
	@hosts=$$(setup/hosts.sh) && EVENTHUB_HOSTS="$$hosts" EVENTHUB_HOME=$${EVENTHUB_HOME:-.eventhub/wasmtime} EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up --on wasmtime

.PHONY: spin spin-native
spin: build ## the same under Spin 4, which is to be installed; make spin-native: Postgres and Redis through Spin's own interfaces
spin-native: build
spin spin-native:
	@command -v "$${EVENTHUB_SPIN:-spin}" >/dev/null || { . setup/lib.sh; die "Spin is not installed: https://spinframework.dev/install, then run this again (or say where it is: EVENTHUB_SPIN=…)"; }
	@EVENTHUB_HOME=$${EVENTHUB_HOME:-.eventhub/$@} EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" exec $(EVENTHUB) up --on $@

# What other hosts do with the components, and what deploying to them does.
PORTABILITY := --test portability --test deploy
ENVIRONMENT = EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" EVENTHUB_HOSTS="$$(setup/hosts.sh)" EVENTHUB_BIN="$(abspath $(EVENTHUB))"

# The host, the tools and all tests are built in one go, so that each dependency is compiled once.
.PHONY: test-build
test-build: setup
	@setup/progress.py "building the host and its tests" cargo build --release --locked --workspace --lib --bins --tests
	@EVENTHUB_COMPOSE="$(abspath $(TARGET))/release/eventhub-compose" setup/components.sh "$$(cat target/wasm-toolchain)"

# The gate: every test of the workspace but those that tests/slow.txt names.
.PHONY: test
ifdef SERVICE
test: setup
	@setup/progress.py "building the tests of $(SERVICE)" cargo test --no-run --release --locked -p $(SERVICE) --lib --tests
	@EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" cargo test --release --locked --no-fail-fast -p $(SERVICE) --lib --tests
else
test: test-build ## the tests that guard every change, on private servers; SERVICE=booking: those of one component, without the host
	@. setup/lib.sh; say "running the tests"
	@gate=$$(setup/gate.py) && $(ENVIRONMENT) cargo test --release --locked --workspace --no-fail-fast $$gate
endif

.PHONY: test-all
test-all: test-build ## every test: those, and the slow ones that tests/slow.txt names
	@$(ENVIRONMENT) cargo test --release --locked --workspace --no-fail-fast --lib --bins --tests

.PHONY: test-portability
test-portability: test-build ## the same files on every host: our own, split, wash dev, wash host, wasmtime serve, spin (EVENTHUB_SPIN, or what stands in for it)
	@$(ENVIRONMENT) cargo test --release --locked --workspace $(PORTABILITY) -- --nocapture

.PHONY: bench
bench: test-build ## what it does in a second on this machine: a table, and target/bench.json; BENCH="hold4 noop" for some of it
	@EVENTHUB_COMPOSE="$(abspath $(TARGET))/release/eventhub-compose" setup/components.sh "$$(cat target/wasm-toolchain)" bench
	@$(ENVIRONMENT) EVENTHUB_DEBEZIUM="$$(setup/debezium.sh)" RUST_LIB_BACKTRACE=0 $(TARGET)/release/eventhub-bench $(BENCH)

.PHONY: bench-hosts
bench-hosts: test-build ## the same components on our own host, split, on wash and wasmtime: a table
	@$(ENVIRONMENT) RUST_LIB_BACKTRACE=0 $(TARGET)/release/eventhub-bench hosts

# Against programs that others wrote; tests/external/README.md says what each shows. None is part of the gate.
.PHONY: test-openapi
test-openapi: test-build ## the API against its OpenAPI document, by schemathesis
	@python=$$(setup/python.sh openapi) && $(ENVIRONMENT) "$$python" tests/external/openapi_check.py

.PHONY: test-debezium
test-debezium: test-build ## the outbox reader against Debezium
	@python=$$(setup/python.sh debezium) && plugins=$$(setup/debezium.sh) && $(ENVIRONMENT) "$$python" tests/external/debezium_check.py "$$plugins"

.PHONY: test-localstripe
test-localstripe: test-build ## paying and refunding at localstripe
	@python=$$(setup/python.sh localstripe) && $(ENVIRONMENT) "$$python" tests/external/localstripe_check.py

.PHONY: test-stripe-mock
test-stripe-mock: test-build ## requests to Stripe against Stripe's own document
	@mock=$$(setup/stripe-mock.sh) && $(ENVIRONMENT) python3 tests/external/stripe_mock_check.py "$$mock"

.PHONY: fmt
fmt: ## format the code
	@cargo fmt --all
	@"$$(setup/lint-tools.sh)/ruff" format --quiet --no-cache

.PHONY: lint
lint: setup ## formats, shellcheck, ruff, dependencies and clippy; warnings are errors, tests may unwrap
	@set -e; . setup/lib.sh; tools=$$(setup/lint-tools.sh); \
	  say "formats and scripts"; \
	  cargo fmt --all --check; \
	  "$$tools/ruff" format --quiet --no-cache --check --diff; \
	  "$$tools/ruff" check --quiet --no-cache; \
	  "$$tools/shellcheck" setup/*.sh tests/*.sh .ci/run; \
	  say "dependencies"; \
	  setup/deny.sh "$$tools/cargo-deny"; \
	  "$$tools/cargo-shear" --locked --deny-warnings --exclude eventhub-features; \
	  setup/features.py
	@. setup/lib.sh; say "clippy (in the profile of `cargo check`, whose results it shares)"
	@cargo clippy --locked --workspace --lib --bins --examples -- -D warnings
	@cargo clippy --locked --workspace --tests -- -D warnings -A clippy::unwrap_used -A clippy::expect_used

.PHONY: clean
clean: ## remove what was built and the development environment's data
	@cargo clean --quiet; rm -rf target .eventhub
