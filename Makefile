# make run    everything for development, until Ctrl-C
# make test   the tests that guard every change; make test-all, bench, fmt, lint, clean
SHELL := /bin/bash
.DEFAULT_GOAL := help
export RUST_BACKTRACE := 0
export EVENTHUB_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eventhub
TARGET := $(or $(CARGO_TARGET_DIR),target)
EVENTHUB := $(TARGET)/release/eventhub

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
	@. setup/lib.sh; say "building the host"; cargo build --release --locked --quiet -p eventhub

.PHONY: build
build: components host ## components and host

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

.PHONY: spin.toml
spin.toml: host ## spin.toml of the manifest, anew
	@$(EVENTHUB) deploy spin --dry-run > spin.toml.new && mv spin.toml.new spin.toml

.PHONY: kubernetes
kubernetes: build ## the WorkloadDeployment of the manifest, anew
	@$(EVENTHUB) deploy --dry-run -o yaml --config deploy/kubernetes/eventhub.toml > deploy/kubernetes/eventhub.yaml

# The gate: the rules of every part, the runtime's limits, seat-inventory on real servers, and the main path end to end: on one
# host, on two, in split processes, on hosts that are not ours, with bad input and with a provider in trouble.
END_TO_END := --test main_path --test races --test webhooks --test bad_input --test hosts --test provider --test split --test portability --test kubernetes
GATE := --lib --bins --test link --test links --test manifest --test misbehaviour --test wit \
  --test bookings --test holds --test live --test spin --test under_spin $(END_TO_END)
# What other hosts do with the components, and what deploying to them does.
PORTABILITY := --test portability --test deploy
ENVIRONMENT = EVENTHUB_KAFKA_LIBS="$$(cat target/kafka-libs)" EVENTHUB_HOSTS="$$(setup/hosts.sh)" EVENTHUB_BIN="$(abspath $(EVENTHUB))"

# The host and the tests that drive it are built in one go, so that their dependencies are compiled once.
.PHONY: test-build
test-build: setup
	@. setup/lib.sh; say "building the host and its tests (about 20 minutes the first time)"
	@cargo build --release --locked --quiet --workspace --bins $(END_TO_END)
	@EVENTHUB_COMPOSE="$(abspath $(TARGET))/release/eventhub-compose" setup/components.sh "$$(cat target/wasm-toolchain)"

.PHONY: test
test: test-build ## the tests that guard every change, on private servers
	@. setup/lib.sh; say "running the tests"
	@$(ENVIRONMENT) cargo test --release --locked --workspace --no-fail-fast $(GATE)

.PHONY: test-all
test-all: test-build ## those, each capability against its real server, and faults: some minutes longer
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

.PHONY: lint
lint: ## format check and clippy, warnings are errors; tests may unwrap
	@cargo fmt --all --check
	@cargo clippy --release --locked --workspace --lib --bins --examples -- -D warnings
	@cargo clippy --release --locked --workspace --tests -- -D warnings -A clippy::unwrap_used -A clippy::expect_used

.PHONY: clean
clean: ## remove what was built and the development environment's data
	@cargo clean --quiet; rm -rf target .eventhub
