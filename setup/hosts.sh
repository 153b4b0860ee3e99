#!/usr/bin/env bash
# The programs of hosts that are not ours, from PyPI: wash, nats-server, wasmtime; and the registry of Debian. Prints the folder.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

./packages.sh docker-registry
python=$(./python.sh hosts)
hosts=$(dirname "$(dirname "$python")")/hosts
if [ ! -d "$hosts" ]; then
  # The wheels have the programs without the right to run them, behind scripts that would not pass signals on.
  packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$hosts.new"
  for program in "$packages/wash_cli/wash" "$packages/wasmtime_cli/wasmtime" "$(dirname "$python")/nats-server"; do
    [ -f "$program" ] || die "the package from PyPI has no $program"
    chmod +x "$program"
    ln -sf "$program" "$hosts.new/"
  done
  mv "$hosts.new" "$hosts"
fi
echo "$hosts"
