//! Mistakes of a manifest are found before anything is served, and named; compiled code is kept,
//! and not trusted blindly.

mod support;

use std::fs;
use std::path::PathBuf;

use eventhub_link::LinkConfig;
use eventhub_runtime::{AppBuilder, BuildError, CallContext, EngineConfig, Fault, Runtime};
use support::{clock, count, get, link, pool, probe, runtime, source, try_pair};

fn faults(builder: &AppBuilder) -> Vec<Fault> {
    match builder.build() {
        Err(BuildError::Manifest(faults)) => faults,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing was wrong"),
    }
}

fn clocked(components: &[(&str, &probe::Probe)]) -> AppBuilder {
    let mut builder = AppBuilder::new(&runtime());
    builder.capability("test:clock", clock());
    for (name, probe) in components {
        builder.component(source(name, probe.wasm(), pool()));
        builder.link(link(
            name,
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ));
    }
    builder
}

#[test]
fn a_missing_link_is_refused() {
    let builder = clocked(&[
        ("caller", &probe::caller().calls()),
        ("callee", &probe::callee()),
    ]);
    let faults = faults(&builder);
    assert_eq!(faults.len(), 2, "{faults:?}");
    let text = faults[0].to_string();
    assert!(
        text.contains("caller imports eventhub:callee/") && text.contains("from caller to callee"),
        "{text}"
    );
}

#[test]
fn a_capability_needs_its_link_too() {
    let mut builder = AppBuilder::new(&runtime());
    builder.capability("test:clock", clock()).component(source(
        "probe",
        probe::caller().wasm(),
        pool(),
    ));
    let text = faults(&builder)[0].to_string();
    assert!(
        text.contains("probe imports test:clock/clock@0.1.0, which test:clock provides"),
        "{text}"
    );
}

#[test]
fn two_exporters_of_one_interface_are_refused() {
    let builder = clocked(&[("one", &probe::caller()), ("two", &probe::caller())]);
    let text = faults(&builder)[0].to_string();
    assert!(
        text.contains("one and two both export eventhub:caller/routes@0.1.0"),
        "{text}"
    );
}

#[test]
fn a_circle_is_refused() {
    let mut builder = clocked(&[("a", &probe::callee().calls().package("eventhub:callee"))]);
    builder.link(link("a", "a", "eventhub:callee", LinkConfig::default()));
    let text = faults(&builder)[0].to_string();
    assert_eq!(text, "components call each other in a cycle: a → a");
}

#[test]
fn two_ends_with_different_types_are_refused() {
    let error = try_pair(
        LinkConfig::default(),
        pool(),
        probe::caller().calls().mistyped(),
    )
    .err()
    .unwrap();
    let text = error.to_string();
    assert!(
        text.contains("caller and callee have different types for eventhub:callee/math@0.1.0"),
        "{text}"
    );
    assert!(text.contains("the types of add differ"), "{text}");
}

#[test]
fn pools_larger_than_the_engine_are_refused() {
    let mut builder = clocked(&[]);
    let large = eventhub_runtime::PoolConfig {
        max_instances: 101,
        ..pool()
    };
    builder
        .component(source("probe", probe::caller().wasm(), large))
        .link(link(
            "probe",
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ));
    assert_eq!(
        faults(&builder),
        [Fault::TooManyInstances {
            wanted: 101,
            available: 100
        }]
    );
}

#[test]
fn what_is_no_component_is_refused_by_name() {
    let mut builder = AppBuilder::new(&runtime());
    builder.component(source("probe", b"<html>".to_vec(), pool()));
    let text = builder.build().err().unwrap().to_string();
    assert!(text.starts_with("probe cannot be loaded"), "{text}");
}

#[tokio::test]
async fn a_damaged_file_of_the_cache_is_compiled_again() {
    let dir = Folder::new();
    let runtime = Runtime::new(EngineConfig {
        max_instances: 10,
        cache_dir: Some(dir.0.clone()),
        ..EngineConfig::default()
    })
    .unwrap();
    let mut builder = AppBuilder::new(&runtime);
    builder
        .capability("test:clock", clock())
        .component(source("probe", probe::caller().wasm(), pool()))
        .link(link(
            "probe",
            "test:clock",
            "test:clock",
            LinkConfig::default(),
        ));
    let answers = async || {
        let request = get("/c");
        count(
            &builder
                .build()
                .unwrap()
                .handle("probe", &request, CallContext::of(&request))
                .await,
        )
    };
    assert_eq!(answers().await, 1);
    let file = dir.only_file();
    let good = fs::read(&file).unwrap();
    let written = fs::metadata(&file).unwrap().modified().unwrap();

    assert_eq!(answers().await, 1);
    assert_eq!(
        fs::metadata(&file).unwrap().modified().unwrap(),
        written,
        "read, not written again"
    );

    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    for damaged in [damaged, good[..good.len() / 2].to_vec(), Vec::new()] {
        fs::write(&file, damaged).unwrap();
        assert_eq!(answers().await, 1);
        assert_eq!(
            fs::read(dir.only_file()).unwrap().len(),
            good.len(),
            "replaced by a good one"
        );
    }
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("eventhub-runtime-cache-{}", std::process::id()));
        Self(path)
    }

    fn only_file(&self) -> PathBuf {
        let files: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
