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

#[test]
fn each_component_composes_and_imports_only_what_spin_provides() {
    let root = Path::new("../..");
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
            let (_, exports) = interfaces(&std::fs::read(path(root, dependency)).unwrap()).unwrap();
            assert!(exports.contains(entry), "{name}: {dependency} does not export {entry}");
        }

        let parts: BTreeSet<PathBuf> = dependencies.values().map(|dependency| path(root, dependency)).collect();
        let composed = compose(&source, &parts.into_iter().collect::<Vec<_>>(), None).unwrap();
        let (left, exports) = interfaces(&composed).unwrap();
        let foreign: Vec<_> = left.iter().filter(|import| !is_provided(import)).collect();
        assert!(foreign.is_empty(), "{name} needs {foreign:?}, which Spin does not have");
        assert!(exports.iter().any(|export| export.starts_with("wasi:http/incoming-handler@0.2.")), "{name} exports {exports:?}");
    }
}

fn path(root: &Path, dependency: &Value) -> PathBuf {
    root.join(dependency["path"].as_str().unwrap())
}

fn is_provided(import: &str) -> bool {
    PROVIDED.iter().any(|known| import.starts_with(known) && import.contains("@0.2.")) || (import.starts_with("eventhub:") && import.contains(TYPES))
}
