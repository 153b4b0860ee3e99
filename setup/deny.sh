#!/usr/bin/env bash
# Checks the dependencies against deny.toml. Takes cargo-deny.
# The advisories are a Git repository on GitHub: a machine that cannot reach it checks the rest, and says so.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh && cd ..

deny=$1
"$deny" --locked check bans licenses sources
log=$EVENTHUB_CACHE/logs/advisories.log
mkdir -p "$(dirname "$log")"
if GIT_TERMINAL_PROMPT=0 timeout 120 "$deny" --locked fetch db >"$log" 2>&1; then
  "$deny" --locked check advisories
else
  say "NOT CHECKED: advisories of dependencies, because RustSec's database cannot be fetched ($log)"
fi
