//! The Cargo workspace in which components and shims are compiled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use eventhub_compose::shims::generate_shims;
use eventhub_compose::write_workspace;

use crate::support::{Folder, project, root};

#[test]
fn a_second_run_touches_no_file() {
    let out = Folder::new("twice");
    write_workspace(&project(), &out.0).unwrap();
    let before = modification_times(&out.0);
    assert!(before.contains_key("shims/booking_server/lib.rs"));
    write_workspace(&project(), &out.0).unwrap();
    assert_eq!(before, modification_times(&out.0));
}

#[test]
fn what_is_no_longer_needed_is_removed() {
    let out = Folder::new("removed");
    write_workspace(&project(), &out.0).unwrap();
    let old = ["shims/old_service_client", "old.yaml"];
    fs::create_dir(out.0.join(old[0])).unwrap();
    fs::write(out.0.join(old[1]), "").unwrap();
    write_workspace(&project(), &out.0).unwrap();
    for name in old {
        assert!(!out.0.join(name).exists(), "{name}");
    }
}

#[test]
fn every_shim_is_a_library_of_its_own() {
    let out = Folder::new("packages");
    write_workspace(&project(), &out.0).unwrap();
    for shim in generate_shims(&project()).unwrap() {
        let folder = out.0.join("shims").join(&shim.name);
        let manifest = parse(&folder.join("Cargo.toml"));
        assert_eq!(
            manifest["package"]["name"].as_str(),
            Some(shim.name.as_str())
        );
        assert_eq!(manifest["lib"]["crate-type"][0].as_str(), Some("cdylib"));
        assert_eq!(
            fs::read_to_string(folder.join("lib.rs")).unwrap(),
            shim.source
        );
    }
}

#[test]
fn cargo_accepts_the_lock_as_it_is() {
    let out = Folder::new("lock");
    write_workspace(&project(), &out.0).unwrap();
    let known = parse(&root().join("Cargo.lock"))["package"]
        .as_array()
        .unwrap()
        .len();
    let lock = parse(&out.0.join("Cargo.lock"));
    let names = lock["package"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names.len(),
        known + generate_shims(&project()).unwrap().len() + 1
    );
    assert!(names.is_sorted());
}

#[test]
fn one_package_depends_on_all_components() {
    let out = Folder::new("all");
    write_workspace(&project(), &out.0).unwrap();
    let manifest = parse(&out.0.join("all-components/Cargo.toml"));
    let dependencies = manifest["dependencies"].as_table().unwrap();
    for name in [
        "booking",
        "saga",
        "bench",
        "eventhub-spin-redis",
        "eventhub-adapters",
    ] {
        let path = dependencies[name]["path"].as_str().unwrap();
        assert!(out.0.join("all-components").join(path).is_dir(), "{path}");
    }
    assert!(manifest.get("lib").is_none());
}

#[test]
fn all_else_is_as_in_the_project() {
    let out = Folder::new("mirror");
    write_workspace(&project(), &out.0).unwrap();
    let (mirrored, own) = (
        parse(&out.0.join("Cargo.toml")),
        parse(&root().join("Cargo.toml")),
    );
    assert_eq!(mirrored["profile"], own["profile"]);
    for name in [
        "wadm.yaml",
        "adapters/Cargo.toml",
        "components/booking/Cargo.toml",
    ] {
        let read = |folder: &Path| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read(&out.0), read(&root()), "{name}");
    }
    assert!(!out.0.join("target").exists());
}

fn parse(file: &Path) -> toml::Table {
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Of the files that are written, by their paths in `folder`.
fn modification_times(folder: &Path) -> BTreeMap<String, SystemTime> {
    let mut times = BTreeMap::new();
    for inner in ["", "shims/", "shims/booking_server/"] {
        for entry in fs::read_dir(folder.join(inner)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{inner}{}", entry.file_name().to_string_lossy());
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            times.insert(name, metadata.modified().unwrap());
        }
    }
    times
}
