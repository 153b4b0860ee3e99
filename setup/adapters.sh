#!/usr/bin/env bash
# Builds the shims that carry interfaces over HTTP into target/components/adapters. Takes the toolchain argument that wasm.sh printed.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

toolchain=$1
target=${CARGO_TARGET_DIR:-target}

say "building the adapters"
# shellcheck disable=SC2086
cargo $toolchain build --locked --quiet --profile component --target wasm32-wasip2 -p eventhub-adapters --examples

mkdir -p target/components/adapters
for source in adapters/examples/*.rs; do
  name=$(basename "$source" .rs)
  built=$target/wasm32-wasip2/component/examples/$name.wasm
  out=target/components/adapters/$name.wasm
  cmp -s "$built" "$out" || cp "$built" "$out"
done
