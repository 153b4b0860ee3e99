//! `make new-service` proves itself: in a copy of the checkout it writes a service, which is built,
//! tested alone, served, and called through the gateway; and nothing else of the copy has changed.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use eventhub_tests::folder::temporary;
use eventhub_tests::{Api, Eventhub};
use serde_json::json;

/// What a new service may touch: its own paths, the manifest, and the lock, into which cargo enters
/// every package.
const OWN: [&str; 7] = [
    "components/reviews/",
    "wit/deps/reviews/",
    "migrations/reviews_db/",
    "crates/facts/src/aggregates/review.rs",
    "docs/facts/review.md",
    "wadm.yaml",
    "Cargo.lock",
];

fn run(folder: &Path, command: &[&str], environment: &[(&str, &Path)]) -> Result<String> {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()?;
    if !output.status.success() {
        bail!(
            "{command:?} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The checkout's files as they are, in a repository of their own.
fn copy_checkout(root: &Path) -> Result<PathBuf> {
    let copy = temporary("new-service")?;
    let listed = run(root, &["git", "ls-files", "-co", "--exclude-standard"], &[])?;
    for file in listed.lines().filter(|file| root.join(file).is_file()) {
        let to = copy.join(file);
        std::fs::create_dir_all(to.parent().unwrap())?;
        std::fs::copy(root.join(file), to)?;
    }
    for command in [
        &["git", "init", "-q"][..],
        &["git", "add", "-A"],
        &[
            "git",
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t.invalid",
            "commit",
            "-qm",
            "before",
        ],
    ] {
        run(&copy, command, &[])?;
    }
    Ok(copy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_service_is_built_and_answers() -> Result<()> {
    let root = eventhub_tests::eventhub::root()?;
    let host = eventhub_tests::eventhub::binary(&root)?;
    let programs = host.parent().unwrap();
    let target = programs.parent().unwrap().to_path_buf();
    let copy = copy_checkout(&root)?;
    let tool = programs.join("eventhub-new-service");
    run(&copy, &[tool.to_str().unwrap(), "reviews"], &[])?;
    run(
        &copy,
        &["cargo", "metadata", "--offline", "--format-version", "1"],
        &[],
    )?;

    let changed = run(&copy, &["git", "status", "--porcelain", "-uall"], &[])?;
    for line in changed.lines() {
        let path = &line[3..];
        assert!(OWN.iter().any(|own| path.starts_with(own)), "{line}");
    }
    assert!(
        changed.contains("components/reviews/src/lib.rs"),
        "{changed}"
    );

    // What is built already is taken over; the service, the gateway and the shims are new.
    let components = copy.join("target/components");
    run(&copy, &["mkdir", "-p", "target"], &[])?;
    let built = root.join("target/components");
    run(
        &copy,
        &[
            "cp",
            "-r",
            built.to_str().unwrap(),
            components.to_str().unwrap(),
        ],
        &[],
    )?;
    let toolchain = std::fs::read_to_string(root.join("target/wasm-toolchain"))?;
    let compose = programs.join("eventhub-compose");
    let environment: [(&str, &Path); 2] = [
        ("CARGO_TARGET_DIR", &target),
        ("EVENTHUB_COMPOSE", &compose),
    ];
    run(
        &copy,
        &["setup/components.sh", toolchain.trim()],
        &environment,
    )?;

    let eventhub = Eventhub::start_in(&copy, &[])?;
    let api = Api::sign_up(&eventhub.state.http, "Rita Reviewer").await?;
    let written = api
        .post("reviews", json!({"text": "Wonderful."}))
        .await?
        .expect(201);
    let id = written["id"].as_str().unwrap();
    let read = api.get(&format!("reviews/{id}")).await?.expect(200);
    assert_eq!(read["text"], "Wonderful.");
    let other = Api::sign_up(&eventhub.state.http, "Otto Other").await?;
    other
        .get(&format!("reviews/{id}"))
        .await?
        .expect_problem(404, "not_found");
    let page = api.get("reviews?limit=1").await?.expect(200);
    assert_eq!(page["items"][0]["id"], id);
    api.post("reviews", json!({"text": ""}))
        .await?
        .expect_problem(422, "validation_failed");
    drop(eventhub);

    // Its own tests, on a database of their own.
    let test = [
        "cargo",
        "test",
        "--offline",
        "--release",
        "-p",
        "reviews",
        "--lib",
        "--tests",
    ];
    let passed = run(&copy, &test, &environment)?;
    assert!(
        passed.contains("test a_repeated_key_makes_one ... ok"),
        "{passed}"
    );
    std::fs::remove_dir_all(copy)?;
    Ok(())
}
