//! Every service has the same files with the same meaning (docs/adding-a-service.md), and its rules
//! are free of I/O.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use eventhub_manifest::Manifest;

/// What may stand in `src/` of a service. A folder may have a file of its name instead.
const SHAPE: [&str; 11] = [
    "lib", "config", "domain", "store", "routes", "usecases", "ports", "exports", "events",
    "timers", "error",
];

/// What a service has besides, and why.
const EXTRA: [(&str, &str); 2] = [
    // Redis, where holds live: scripts and records are to seat-inventory what SQL is to others.
    ("seat-inventory", "leases"),
    // The negative control of the race tests.
    ("seat-inventory", "unprotected"),
];

/// What a rule must not know: bindings, HTTP, SQL, the capabilities, the clock.
const NOT_IN_DOMAIN: [&str; 11] = [
    "crate::bindings",
    "crate::ports",
    "crate::store",
    "Problem",
    "eventhub_guest::http",
    "eventhub_guest::sql",
    "eventhub_guest::redis",
    "Request,",
    "Response",
    "Timestamp::now",
    "SystemTime",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn services() -> Vec<(String, PathBuf)> {
    let manifest = Manifest::read(&root().join("wadm.yaml")).unwrap();
    let services = manifest.services();
    services
        .iter()
        .map(|service| {
            (
                service.name.clone(),
                root().join("components").join(&service.name),
            )
        })
        .collect()
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_string()
        })
        .collect()
}

#[test]
fn every_service_has_the_same_files() {
    for (service, folder) in services() {
        let names = names_in(&folder.join("src"));
        for name in &names {
            let is_known = SHAPE.contains(&name.as_str())
                || EXTRA.contains(&(service.as_str(), name.as_str()));
            assert!(is_known, "{service}/src/{name} is not part of the shape");
        }
        for name in ["lib", "domain", "store", "routes", "error"] {
            assert!(names.contains(name), "{service} has no src/{name}");
        }
        for file in [
            "openapi.yaml",
            "src/domain/mod.rs",
            "src/store/mod.rs",
            "src/routes/mod.rs",
        ] {
            assert!(folder.join(file).is_file(), "{service} has no {file}");
        }
        let tests = ["tests/routes.rs", "tests/routes/main.rs"];
        let has_tests = tests.iter().any(|file| folder.join(file).is_file());
        assert!(has_tests, "{service} has no tests/routes.rs");
        let library = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap();
        assert!(
            library.contains("eventhub_guest::service! {"),
            "{service}/src/lib.rs"
        );
    }
}

#[test]
fn rules_do_no_io() {
    for (_, folder) in services() {
        let mut folders = vec![folder.join("src/domain")];
        while let Some(next) = folders.pop() {
            for entry in next.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|extension| extension != "rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code: String = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"))
                    .map(|line| format!("{line}\n"))
                    .collect();
                for word in NOT_IN_DOMAIN {
                    assert!(!code.contains(word), "{} has {word}", path.display());
                }
            }
        }
    }
}

#[test]
fn a_service_names_its_own_tables_only() {
    // A table belongs to the service whose SQL inserts into it.
    let mut owners: Vec<(String, String)> = vec![];
    let services = services();
    let sql = |folder: &Path| {
        let mut text = String::new();
        let mut folders = vec![folder.join("src")];
        while let Some(next) = folders.pop() {
            for entry in next.read_dir().unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("tests.rs") {
                    text += &std::fs::read_to_string(&path).unwrap_or_default();
                }
            }
        }
        text
    };
    let texts: Vec<(String, String)> = services
        .iter()
        .map(|(service, folder)| (service.clone(), sql(folder)))
        .collect();
    for (service, text) in &texts {
        for after in text.split("INSERT INTO ").skip(1) {
            let table: String = after
                .chars()
                .take_while(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .collect();
            owners.push((table, service.clone()));
        }
    }
    // Each database has these for all of its services.
    let shared = ["outbox", "inbox", "creation_keys", ""];
    for (table, owner) in owners
        .iter()
        .filter(|(table, _)| !shared.contains(&table.as_str()))
    {
        for (service, text) in texts.iter().filter(|(service, _)| service != owner) {
            for verb in ["FROM", "JOIN", "UPDATE", "INTO"] {
                for end in [" ", "\"", "\\", "\n"] {
                    let use_of = format!("{verb} {table}{end}");
                    assert!(!text.contains(&use_of), "{service} uses {owner}'s {table}");
                }
            }
        }
    }
}
