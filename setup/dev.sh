#!/usr/bin/env bash
# `eventhub up --watch` beside a loop that rebuilds one component whenever a file that it is made of changes. The host swaps
# in what is built. Takes the host's program, the component, and the toolchain argument of wasm.sh. Ends with the host.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

program=$1 service=$2 toolchain=$3
[ -d "components/$service" ] || die "there is no components/$service"

"$program" up --watch &
host=$!
trap 'kill -TERM $host 2>/dev/null || true; wait $host' INT TERM

built=$(mktemp)
trap 'rm -f "$built"' EXIT
say "watching components/$service, crates and wit"
while kill -0 $host 2>/dev/null; do
  if [ -n "$(find "components/$service" crates wit -type f -newer "$built" -print -quit)" ]; then
    touch "$built"
    setup/components.sh "$toolchain" --only "$service" || say "$service does not compile; waiting for the next change"
  fi
  sleep 0.5
done
wait $host
