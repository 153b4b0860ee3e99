#!/usr/bin/env bash
# The toolchain that compiles components, and the name under which cargo finds it:
# prints "" when rustup's own wasm32-wasip2 target is there, "+eventhub-wasm" when it is built here
# (from Debian's rustc and library sources, for machines that reach no rustup server).
set -euo pipefail
cd "$(dirname "$0")" && . ./lib.sh

if rustup target list --installed 2>/dev/null | grep -qx wasm32-wasip2; then
  echo ""; exit 0
fi

name=eventhub-wasm
toolchain=$EVENTHUB_CACHE/wasm-toolchain
linker_version=0.5.31
version="$(/usr/bin/rustc --version) / wasm-component-ld $linker_version"

if [ "$(cat "$toolchain/version" 2>/dev/null)" != "$version" ]; then
  say "building the wasm32-wasip2 standard library and linker, once (about 5 minutes)"
  work=$EVENTHUB_CACHE/wasm-toolchain.building
  rm -rf "$work" "$toolchain"
  mkdir -p "$work/empty/src" "$toolchain/bin" "$toolchain/lib/rustlib/wasm32-wasip2/lib/self-contained"

  quietly "$EVENTHUB_CACHE/logs/wasm-component-ld.log" \
    cargo install --locked --root "$work/tools" --version $linker_version wasm-component-ld
  cp "$work/tools/bin/wasm-component-ld" "$toolchain/bin/"
  ln -sf "$(printf '%s\n' /usr/bin/wasm-ld-* | sort -V | tail -1)" "$toolchain/bin/wasm-ld"

  cat >"$work/empty/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
[workspace]
[profile.release]
panic = "abort"
TOML
  : >"$work/empty/src/lib.rs"
  ( cd "$work/empty"
    # embed-bitcode: components are built with link-time optimisation.
    PATH="$toolchain/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" \
      RUSTFLAGS="-Clink-self-contained=no -Cembed-bitcode=yes" \
      quietly "$EVENTHUB_CACHE/logs/wasm-std.log" \
      cargo build --release --target wasm32-wasip2 -Zbuild-std=std,panic_abort,proc_macro )
  lib=$toolchain/lib/rustlib/wasm32-wasip2/lib
  find "$work/target/wasm32-wasip2/release/deps" -name '*.rlib' ! -name 'libempty*' -exec cp {} "$lib/" \;
  cp /usr/lib/wasm32-wasi/{libc.a,crt1-command.o,crt1-reactor.o} "$lib/self-contained/"
  ln -sfn /usr/lib/rustlib/x86_64-unknown-linux-gnu "$toolchain/lib/rustlib/x86_64-unknown-linux-gnu"
  cat >"$toolchain/bin/rustc" <<SH
#!/bin/sh
PATH="$toolchain/bin:\$PATH" exec /usr/bin/rustc --sysroot "$toolchain" "\$@"
SH
  chmod +x "$toolchain/bin/rustc"
  rm -rf "$work"
  printf '%s' "$version" >"$toolchain/version"
fi
rustup toolchain list | grep -q "^$name" || rustup toolchain link $name "$toolchain"
echo "+$name"
