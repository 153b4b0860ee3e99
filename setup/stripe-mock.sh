#!/usr/bin/env bash
# Stripe's stripe-mock, built from its Go module, in the cache folder. Prints the program. Debian's own Go 1.19 is enough.
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

folder=$EVENTHUB_CACHE/stripe-mock-$(cat stripe-mock/* | sha256sum | cut -c1-12)
if [ ! -f "$folder/.complete" ]; then
  command -v go >/dev/null || ./packages.sh golang-go
  command -v python3 >/dev/null || ./packages.sh python3
  say "building Stripe's stripe-mock, once (half a minute)"
  rm -rf "$folder"
  mkdir -p "$folder/source" && cp stripe-mock/* "$folder/source/"
  # A newer Go wants its own version in go.mod (-mod=mod lets it write that into the copy); the checksums stay those of go.sum.
  # -modcacherw: so that the cache folder can be removed like any other.
  ( cd "$folder/source" && GOPATH=$EVENTHUB_CACHE/go GOFLAGS="-mod=mod -modcacherw" \
      quietly "$EVENTHUB_CACHE/logs/stripe-mock.log" go build -o "$folder/stripe-mock" github.com/stripe/stripe-mock )
  touch "$folder/.complete"
fi
echo "$folder/stripe-mock"
