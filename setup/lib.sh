# shellcheck shell=bash
# Shared by the set-up steps: where things are kept, and how progress is told.
# Sourced, never run. Every step is idempotent and quick when there is nothing to do.

# Everything that is costly to make and the same for every checkout lives here.
EVENTHUB_CACHE=${EVENTHUB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eventhub}
mkdir -p "$EVENTHUB_CACHE"

say() { printf '\033[1;34m==>\033[0m %s\n' "$*" >&2; }
die() { printf '\033[1;31merror:\033[0m %s\n' "$*" >&2; exit 1; }

# quietly LOG COMMAND...: runs it with its output in LOG; shows the end of LOG when it fails.
quietly() {
  local log=$1; shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || { tail -40 "$log" >&2; die "'$*' failed; the whole output is in $log"; }
}
