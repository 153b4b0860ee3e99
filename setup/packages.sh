#!/usr/bin/env bash
# Debian packages that EventHub is built with and runs on, or those named as arguments, for what only some steps need.
# As root it installs what is missing; otherwise it prints the one command to run.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

# What it is for            package
packages=(
  build-essential           # the host's C parts: librdkafka, allocators
  pkg-config libssl-dev zlib1g-dev # TLS and compression of librdkafka
  postgresql-15             # the databases
  redis-server              # holds, caches, rate limits
  openjdk-17-jre-headless   # Apache Kafka
  maven                     # fetches Apache Kafka from Maven Central
  python3                   # says how far a build is
  curl ca-certificates jq
)
if [ $# -gt 0 ]; then
  packages=("$@")
# Without rustup's wasm32-wasip2 target the standard library is built from Debian's sources.
elif ! { rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2 || timeout 60 rustup target add wasm32-wasip2 >/dev/null 2>&1; }; then
  packages+=(rustc-web rust-web-src lld-22 wasi-libc)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ]; then
  die "these Debian packages are missing; install them and run this again:
    sudo apt-get install --no-install-recommends ${missing[*]}"
fi
say "installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# The packages' own servers are not ours to start: EventHub runs private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
quietly "$EVENTHUB_CACHE/logs/apt-update.log" apt-get update
quietly "$EVENTHUB_CACHE/logs/apt-install.log" apt-get install -y --no-install-recommends "${missing[@]}"
