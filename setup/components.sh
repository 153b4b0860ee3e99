#!/usr/bin/env bash
# Builds the components into target/components and the adapters into target/components/adapters, for wasm32-wasip2.
# What is built and what is composed into what, eventhub-compose derives from wadm.yaml and the WIT: nothing is named here.
#
# Usage: components.sh TOOLCHAIN [--only COMPONENT] [COMPONENT...]
# TOOLCHAIN is what wasm.sh printed, and may be empty. --only builds one component and its composition. The other names
# are components that the manifest does not name: bench, which the benchmarks run.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

toolchain=$1
selection=("${@:2}")
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# The project as Cargo sees it, with the shims.
workspace=target/workspace

# A build that has the tool already says where.
compose=${EVENTHUB_COMPOSE:-$target/release/eventhub-compose}
[ -n "${EVENTHUB_COMPOSE:-}" ] ||
  setup/progress.py "building the tool that composes the components" cargo build --locked --release -p eventhub-compose

packages=()
plan=$("$compose" plan "${selection[@]}")
while read -r kind name _; do
  [ "$kind" != package ] || packages+=(-p "$name")
done <<<"$plan"

"$compose" workspace $workspace
# shellcheck disable=SC2086
setup/progress.py "building the components" cargo $toolchain build --locked --manifest-path $workspace/Cargo.toml \
  --target-dir "$target" --profile component --target wasm32-wasip2 "${packages[@]}" --lib
"$compose" assemble --built "$target/wasm32-wasip2/component" "${selection[@]}"
