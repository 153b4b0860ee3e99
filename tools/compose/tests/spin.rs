//! `spin.toml` by Spin's rules of composition: each entry of a component's dependencies matches an import of it, no package has two,
//! what is composed imports nothing but what Spin 4 provides, and it exports one HTTP handler.

#![allow(clippy::unwrap_used)]

use eventhub_compose::{compose, interfaces};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Interfaces of WASI 0.2 that Spin links (`wasi:cli/imports`, `wasi:http/outgoing-handler`), any patch version.
const PROVIDED: [&str; 6] = ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/", "wasi:http/types@", "wasi:http/outgoing-handler@"];
/// Packages of ours that have interfaces of types only, or one beside others: nobody has to provide types.
const TYPES: &str = "/types@";

/// With the adapters to Spin's own interfaces; both are in Spin 3.6 to 4.1 by semantic versions.
const SPINS_OWN: [&str; 2] = ["spin:postgres/postgres@4.0.0", "fermyon:spin/redis@2.0.0"];

#[test]
fn each_component_composes_and_imports_only_what_spin_provides() {
    composes(|file| file, &[]);
}

#[test]
fn so_it_does_with_postgres_and_redis_through_spins_own_interfaces() {
    let native = |file: PathBuf| match file.file_name().and_then(|name| name.to_str()) {
        Some("postgres_client.wasm") => file.with_file_name("spin_postgres.wasm"),
        Some("redis_client.wasm") => file.with_file_name("spin_redis.wasm"),
        _ => file,
    };
    composes(native, &SPINS_OWN);
}

/// Composes each component of `spin.toml`, with another file for some dependencies, on a host that provides more.
fn composes(other: impl Fn(PathBuf) -> PathBuf, more: &[&str]) {
    let root = Path::new("../..");
    let path = |dependency: &Value| other(root.join(dependency["path"].as_str().unwrap()));
    let manifest: Table = std::fs::read_to_string(root.join("spin.toml")).unwrap().parse().unwrap();
    for (name, component) in manifest["component"].as_table().unwrap() {
        let source = root.join(component["source"].as_str().unwrap());
        let (imports, exports) = interfaces(&std::fs::read(&source).unwrap_or_else(|_| panic!("{} is not built", source.display()))).unwrap();
        let handlers = exports.iter().filter(|export| export.starts_with("wasi:http/incoming-handler@0.2.")).count();
        assert_eq!(handlers, 1, "{name} exports {exports:?}");

        let dependencies = component["dependencies"].as_table().unwrap();
        let mut packages = BTreeSet::new();
        for (entry, dependency) in dependencies {
            assert!(imports.contains(entry), "{name} does not import {entry}: Spin refuses the entry");
            assert!(packages.insert(entry.split('/').next().unwrap()), "{name} has two entries of the package of {entry}");
            let (_, exports) = interfaces(&std::fs::read(path(dependency)).unwrap()).unwrap();
            assert!(exports.contains(entry), "{name}: {dependency} does not export {entry}");
        }

        let parts: BTreeSet<PathBuf> = dependencies.values().map(path).collect();
        let composed = compose(&source, &parts.into_iter().collect::<Vec<_>>(), None).unwrap();
        let (left, exports) = interfaces(&composed).unwrap();
        let foreign: Vec<_> = left.iter().filter(|import| !is_provided(import) && !more.contains(&import.as_str())).collect();
        assert!(foreign.is_empty(), "{name} needs {foreign:?}, which Spin does not have");
        assert!(exports.iter().any(|export| export.starts_with("wasi:http/incoming-handler@0.2.")), "{name} exports {exports:?}");
    }
}

fn is_provided(import: &str) -> bool {
    PROVIDED.iter().any(|known| import.starts_with(known) && import.contains("@0.2.")) || (import.starts_with("eventhub:") && import.contains(TYPES))
}
