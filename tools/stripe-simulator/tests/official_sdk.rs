//! Stripe's own Python SDK against the simulator: what the SDK sends is understood, what it is
//! answered it can read, and what is delivered it can verify. Needs python3 with venv, and PyPI for
//! the first run.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use eventhub_stripe_simulator::{Options, Simulator};

const SDK: &str = "stripe==16.1.0";

fn run(command: &mut Command, why: &str) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{why}: cannot run {command:?}: {error}"));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "{why}: {command:?} ended with {}; see above",
        output.status
    );
}

/// A virtual environment with the SDK, kept between runs under cargo's target directory.
fn python() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripe-sdk");
    let python = home.join("bin/python");
    let ready = home.join(SDK);
    if !ready.exists() {
        run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&home),
            "this test needs python3 with its venv module (Debian: apt-get install python3-venv)",
        );
        run(
            Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                SDK,
            ]),
            "this test needs the SDK from PyPI",
        );
        std::fs::write(ready, "").unwrap();
    }
    python
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_official_sdk_finds_no_difference_from_stripe() {
    let running = Simulator::start(Options {
        retry_schedule: vec![Duration::from_millis(100)],
        ..Options::default()
    })
    .await
    .unwrap();
    let url = running.url.clone();
    let script = Path::new("tests/official_sdk.py");
    tokio::task::spawn_blocking(move || {
        run(
            Command::new(python()).arg(script).args([
                url.as_str(),
                "sk_test_simulator",
                "pk_test_simulator",
            ]),
            "the SDK and the simulator disagree",
        )
    })
    .await
    .unwrap();
    running.shutdown().await;
}
