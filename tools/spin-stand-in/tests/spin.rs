//! `spin.toml` by Spin's rules of composition: each entry of a component's dependencies matches an
//! import of it, no package has two, what is composed imports nothing but what Spin 4 provides, and
//! it exports one HTTP handler.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use eventhub_compose::interfaces;
use eventhub_spin_stand_in::manifest::Manifest;

/// Interfaces of WASI 0.2 that Spin links (`wasi:cli/imports`, `wasi:http/outgoing-handler`), any
/// patch version.
const PROVIDED: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:io/",
    "wasi:random/",
    "wasi:http/types@",
    "wasi:http/outgoing-handler@",
];
/// Packages of ours that have interfaces of types only, or one beside others: nobody has to provide
/// types.
const TYPES: &str = "/types@";

/// With the adapters to Spin's own interfaces; both are in Spin 3.6 to 4.1 by semantic versions.
const SPINS_OWN: [&str; 2] = ["spin:postgres/postgres@4.0.0", "fermyon:spin/redis@2.0.0"];

#[test]
fn each_component_composes_and_imports_only_what_spin_provides() {
    composes(|file| file, &[]);
}

#[test]
fn every_component_composes_with_spins_postgres_and_redis() {
    let native = |file: PathBuf| match file.file_name().and_then(|name| name.to_str()) {
        Some("postgres_client.wasm") => file.with_file_name("spin_postgres.wasm"),
        Some("redis_client.wasm") => file.with_file_name("spin_redis.wasm"),
        _ => file,
    };
    composes(native, &SPINS_OWN);
}

/// Composes each component of `spin.toml`, with another file for some dependencies, on a host that
/// provides more.
fn composes(other: impl Fn(PathBuf) -> PathBuf, more: &[&str]) {
    let mut manifest = Manifest::read(Path::new("../../spin.toml")).unwrap();
    for component in manifest.component.values_mut() {
        for dependency in component.dependencies.values_mut() {
            dependency.path = other(std::mem::take(&mut dependency.path));
        }
    }
    for name in manifest.component.keys() {
        let composed = manifest
            .composed(name)
            .unwrap_or_else(|error| panic!("{error:?}"));
        let (left, exports) = interfaces(&composed).unwrap();
        let foreign: Vec<_> = left
            .iter()
            .filter(|import| !is_provided(import) && !more.contains(&import.as_str()))
            .collect();
        assert!(
            foreign.is_empty(),
            "{name} needs {foreign:?}, which Spin does not have"
        );
        assert!(
            exports
                .iter()
                .any(|export| export.starts_with("wasi:http/incoming-handler@0.2.")),
            "{name} exports {exports:?}"
        );
    }
}

fn is_provided(import: &str) -> bool {
    PROVIDED
        .iter()
        .any(|known| import.starts_with(known) && import.contains("@0.2."))
        || (import.starts_with("eventhub:") && import.contains(TYPES))
}
