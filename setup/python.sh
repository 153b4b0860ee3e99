#!/usr/bin/env bash
# A Python with the packages of python/NAME.txt, from PyPI, in the cache folder. Takes the name; prints the interpreter.
# A changed list makes another one, so that nothing is ever half of two lists.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

list=python/$1.txt
venv=$EVENTHUB_CACHE/python-$1-$(sha256sum "$list" | cut -c1-12)
if [ ! -f "$venv/.complete" ]; then
  # Debian has venv in Python without what it needs to make one.
  python3 -c 'import ensurepip, venv' 2>/dev/null || ./packages.sh python3 python3-venv
  say "fetching Python packages from PyPI, once: $1"
  rm -rf "$venv"
  quietly "$EVENTHUB_CACHE/logs/python-$1.log" python3 -m venv "$venv"
  quietly "$EVENTHUB_CACHE/logs/python-$1.log" "$venv/bin/pip" install --disable-pip-version-check --no-input -r "$list"
  touch "$venv/.complete"
fi
echo "$venv/bin/python"
