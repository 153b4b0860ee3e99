#!/usr/bin/env bash
# Builds the components into target/components: compiled for wasm32-wasip2, pure parts composed into their users.
# Takes the toolchain argument that wasm.sh printed, and names of further components (bench: what the benchmarks run).
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

toolchain=$1
target=${CARGO_TARGET_DIR:-target}
names=(api-gateway identity event venue-layout seat-inventory seat-lock booking saga payment payment-stripe "${@:2}")
# Component → the pure component in it.
declare -A parts=([seat-inventory]=seat-lock [booking]=saga)

say "building the components"
# shellcheck disable=SC2086
cargo $toolchain build --locked --quiet --profile component --target wasm32-wasip2 "${names[@]/#/-p}"
# A build that has the tool already says where.
compose=${EVENTHUB_COMPOSE:-$target/release/eventhub-compose}
[ -n "${EVENTHUB_COMPOSE:-}" ] || cargo build --locked --quiet --release -p eventhub-compose

mkdir -p target/components
for name in "${names[@]}"; do
  built=$target/wasm32-wasip2/component/${name//-/_}.wasm
  out=target/components/$name.wasm
  part=${parts[$name]:-}
  if [ -n "$part" ]; then
    plug=$target/wasm32-wasip2/component/${part//-/_}.wasm
    [ "$out" -nt "$built" ] && [ "$out" -nt "$plug" ] || "$compose" "$built" "$plug" -o "$out"
  else
    cmp -s "$built" "$out" || cp "$built" "$out"
  fi
done
