#!/usr/bin/env bash
# Builds the components into target/components and the adapters into target/components/adapters: compiled for wasm32-wasip2; pure
# parts composed into their users, and each service with the door through which other processes call it.
# Takes the toolchain argument that wasm.sh printed, and names of further components (bench: what the benchmarks run).
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

toolchain=$1
target=${CARGO_TARGET_DIR:-target}
names=(api-gateway identity event venue-layout seat-inventory seat-lock booking saga payment payment-stripe "${@:2}")
# Component → the pure component in it.
declare -A parts=([seat-inventory]=seat-lock [booking]=saga)
services=" identity event venue-layout seat-inventory booking payment "
built=$target/wasm32-wasip2/component

say "building the components"
# shellcheck disable=SC2086
cargo $toolchain build --locked --quiet --profile component --target wasm32-wasip2 "${names[@]/#/-p}" -p eventhub-adapters \
  -p eventhub-spin-postgres -p eventhub-spin-redis --lib --examples
# A build that has the tool already says where.
compose=${EVENTHUB_COMPOSE:-$target/release/eventhub-compose}
[ -n "${EVENTHUB_COMPOSE:-}" ] || cargo build --locked --quiet --release -p eventhub-compose

mkdir -p target/components/adapters
for name in "${names[@]}"; do
  inputs=("$built/${name//-/_}.wasm")
  out=target/components/$name.wasm
  arguments=()
  if [ -n "${parts[$name]:-}" ]; then
    inputs+=("$built/${parts[$name]//-/_}.wasm")
    arguments=("${inputs[1]}")
  fi
  if [[ $services == *" $name "* ]]; then
    inputs+=("$built/examples/${name//-/_}_server.wasm")
    arguments+=(--door "${inputs[-1]}")
  fi
  if [ ${#arguments[@]} = 0 ]; then
    cmp -s "${inputs[0]}" "$out" || cp "${inputs[0]}" "$out"
    continue
  fi
  for input in "${inputs[@]}" "$compose"; do
    [ "$out" -nt "$input" ] || { "$compose" "${inputs[0]}" "${arguments[@]}" -o "$out"; break; }
  done
done

for source in adapters/examples/*_client.rs adapters/examples/{capabilities,application}_server.rs; do
  name=$(basename "$source" .rs)
  cmp -s "$built/examples/$name.wasm" "target/components/adapters/$name.wasm" || cp "$built/examples/$name.wasm" "target/components/adapters/"
done
for name in spin_postgres spin_redis; do
  cmp -s "$built/eventhub_$name.wasm" "target/components/adapters/$name.wasm" || cp "$built/eventhub_$name.wasm" "target/components/adapters/$name.wasm"
done
