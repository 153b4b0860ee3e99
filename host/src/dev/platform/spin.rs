//! Spin: `spin up` of a `spin.toml` in the environment's folder, with absolute paths and all
//! variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::{set_default_variables, sidecar};
use crate::config::Config;
use crate::deploy::spin::{self as deployment, Environment, Through};
use crate::dev::folder::Folder;
use crate::dev::process::Process;
use crate::manifest::Manifest;
use crate::serve::Host;

/// It compiles before it serves.
const START: Duration = Duration::from_secs(300);

/// A request takes an instance of each component on its way, and each of these several memories.
/// Spin's own limits are enough for forty at a time; Spin answers further ones with an empty 500.
const LIMITS: [(&str, &str); 3] = [
    ("SPIN_WASMTIME_TOTAL_MEMORIES", "4000"),
    ("SPIN_WASMTIME_TOTAL_TABLES", "8000"),
    ("SPIN_WASMTIME_TOTAL_CORE_INSTANCES", "16000"),
];

/// `spin up` and the sidecar.
pub struct Spin {
    process: Process,
    sidecar: Host,
}

impl Spin {
    pub async fn start(
        manifest: &Manifest,
        folder: &Folder,
        config: &mut Config,
        through: Through,
    ) -> Result<Self> {
        sidecar::prepare(config)?;
        let listen = config.http.listen;
        config.sidecar.application = format!("http://127.0.0.1:{}", listen.port());
        let sidecar = sidecar::start(config, manifest).await?;

        let file = write_manifest(manifest.clone(), config, folder, through)?;
        let mut command = Command::new(program());
        command
            .args(arguments(config, &file, through))
            .arg("--state-dir")
            .arg(folder.path.join("spin"))
            .env("RUST_BACKTRACE", "0");
        set_default_variables(&mut command, &LIMITS);
        command.current_dir(manifest.folder());
        let mut process = Process::start(
            "spin",
            command,
            None,
            Signal::SIGTERM,
            folder.path.join("spin.log"),
        )?;
        let url = format!("http://127.0.0.1:{}/api/v1/events?limit=1", listen.port());
        process
            .wait_until(START, async || {
                reqwest::get(&url)
                    .await
                    .is_ok_and(|answer| answer.status().is_success())
            })
            .await
            .context("spin up")?;
        Ok(Self { process, sidecar })
    }

    pub fn pids(&self) -> BTreeMap<String, u32> {
        [("spin".to_string(), self.process.pid())].into()
    }

    /// Returns when Spin has ended.
    pub async fn ended(&mut self) -> Result<()> {
        while !self.process.has_ended() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bail!("`spin up` has ended; its log is spin.log in the environment's folder")
    }

    pub async fn stop(mut self) {
        self.process.stop().await;
        self.sidecar.drain().await;
    }
}

fn program() -> String {
    std::env::var("EVENTHUB_SPIN").unwrap_or_else(|_| "spin".into())
}

/// Fails unless Spin is installed. Other programs have the same name: a model checker, for one.
pub fn check() -> Result<()> {
    let program = program();
    let remedy =
        "install Spin 4 (https://spinframework.dev/install), or set EVENTHUB_SPIN to its path";
    let output = Command::new(&program)
        .arg("--version")
        .output()
        .with_context(|| format!("cannot run `{program}`; {remedy}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    if !is_known(&version) {
        bail!(
            "`{program} --version` says {:?}, which is not Spin 3 or later; {remedy}",
            version.trim()
        );
    }
    Ok(())
}

/// `spin 4.1.0 (94a8fc8 2026-08-21)`
fn is_known(version: &str) -> bool {
    let major = version
        .trim()
        .strip_prefix("spin ")
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| major >= 3)
}

/// Writes the manifest for Spin, readable by its owner only: it contains secrets.
fn write_manifest(
    mut manifest: Manifest,
    config: &Config,
    folder: &Folder,
    through: Through,
) -> Result<PathBuf> {
    let environment = environment(&manifest, config, through);
    for component in &mut manifest.components {
        component.file = component
            .file
            .canonicalize()
            .with_context(|| format!("{}; is it built? (make build)", component.file.display()))?;
    }
    let file = folder.path.canonicalize()?.join("spin.toml");
    crate::dev::state::write_text(
        &file,
        &deployment::toml(
            &manifest,
            Path::new(""),
            through,
            &config.outgoing,
            &environment,
        )?,
    )?;
    Ok(file)
}

fn sidecar_url(config: &Config) -> String {
    format!("http://{}", config.sidecar.listen)
}

/// The variables of each component.
fn environment(manifest: &Manifest, config: &Config, through: Through) -> Environment {
    let mut shared = BTreeMap::from([
        ("CALL_URL".to_string(), sidecar_url(config)),
        ("CALL_TOKEN".to_string(), config.services.token.clone()),
    ]);
    if through == Through::Spin {
        let timeout = config.postgres.statement_timeout_ms;
        shared.extend(config.postgres.databases.iter().map(|(name, url)| {
            (
                format!("POSTGRES_URL_{}", name.to_uppercase()),
                with_limits(url, timeout),
            )
        }));
        shared.insert("REDIS_URL".into(), config.redis.url.clone());
    }
    let own = |component: &crate::manifest::Component| {
        (
            component.name.clone(),
            shared
                .clone()
                .into_iter()
                .chain(config.variables(component))
                .collect(),
        )
    };
    manifest.components.iter().map(own).collect()
}

/// The arguments of `spin`. The authorities that components may call depend on where the servers are.
fn arguments(config: &Config, file: &Path, through: Through) -> Vec<String> {
    let mut variables = vec![format!("sidecar={}", sidecar_url(config))];
    let outgoing = deployment::outgoing_variables(&config.outgoing);
    variables.extend(outgoing.map(|(variable, url)| format!("{variable}={url}")));
    if through == Through::Spin {
        variables.extend(
            config
                .postgres
                .databases
                .values()
                .next()
                .map(|url| format!("postgres={}", server(url))),
        );
        variables.push(format!("redis={}", server(&config.redis.url)));
    }
    let mut arguments: Vec<String> = [
        "up",
        "--from",
        &file.display().to_string(),
        "--quiet",
        "--listen",
    ]
    .map(String::from)
    .into();
    arguments.push(config.http.listen.to_string());
    arguments.extend(
        variables
            .into_iter()
            .flat_map(|variable| ["--variable".to_string(), variable]),
    );
    arguments
}

/// An address of PostgreSQL with the limits of our own host's connections.
fn with_limits(url: &str, timeout_ms: u64) -> String {
    let joined = if url.contains('?') { '&' } else { '?' };
    format!(
        "{url}{joined}connect_timeout=2&options=-c%20statement_timeout%3D{timeout_ms}%20-c%20idle_in_transaction_session_timeout%3D{timeout_ms}"
    )
}

/// `postgres://user:password@host:5432/db` → `postgres://host:5432`: the server that a component
/// may connect to.
fn server(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.into();
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    format!(
        "{scheme}://{}",
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, server)| server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn components_know_where_the_sidecar_is_and_may_call_it() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[sidecar]\nlisten = \"127.0.0.1:4711\"";
        let config = Config::from_parts(&manifest, Some(text), "test", &BTreeMap::new()).unwrap();
        let arguments = arguments(&config, Path::new("spin.toml"), Through::Sidecar);
        let has =
            |option: &str, value: &str| arguments.windows(2).any(|pair| pair == [option, value]);
        assert!(
            has("--variable", "sidecar=http://127.0.0.1:4711")
                && has("--variable", "payment_stripe=https://api.stripe.com"),
            "{arguments:?}"
        );
        let environment = environment(&manifest, &config, Through::Sidecar);
        let inventory = &environment["seat-inventory"];
        assert_eq!(
            (
                inventory["CALL_URL"].as_str(),
                inventory["CALL_TOKEN"].as_str(),
                inventory["HOLD_TTL_SECONDS"].as_str()
            ),
            ("http://127.0.0.1:4711", "t", "300")
        );
        assert!(
            !environment["booking"].contains_key("HOLD_TTL_SECONDS"),
            "each has its own"
        );
    }

    #[tokio::test]
    async fn through_spin_components_know_where_the_servers_are() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[postgres.databases]\nevent_db = \"postgres://me:secret@db:5433/event_db\"\nidentity_db = \"postgres://db:5433/i\"";
        let mut config =
            Config::from_parts(&manifest, Some(text), "test", &BTreeMap::new()).unwrap();
        config
            .postgres
            .databases
            .retain(|name, _| name == "event_db");
        let arguments = arguments(&config, Path::new("/home/spin.toml"), Through::Spin);
        let has =
            |option: &str, value: &str| arguments.windows(2).any(|pair| pair == [option, value]);
        let booking = &environment(&manifest, &config, Through::Spin)["booking"];
        let limits = "connect_timeout=2&options=-c%20statement_timeout%3D15000%20-c%20idle_in_transaction_session_timeout%3D15000";
        assert_eq!(
            booking["POSTGRES_URL_EVENT_DB"],
            format!("postgres://me:secret@db:5433/event_db?{limits}")
        );
        assert_eq!(booking["REDIS_URL"], "redis://127.0.0.1:6379");
        assert!(
            has("--variable", "redis=redis://127.0.0.1:6379"),
            "{arguments:?}"
        );
        assert!(
            has("--variable", "postgres=postgres://db:5433") && has("--from", "/home/spin.toml"),
            "{arguments:?}"
        );
        assert_eq!(server("redis://:secret@cache/0"), "redis://cache");
    }

    #[test]
    fn other_programs_of_that_name_are_not_taken_for_spin() {
        assert!(
            is_known("spin 4.1.0 (94a8fc8 2026-08-21)\n")
                && is_known("spin 3.6.3 (x)")
                && is_known("spin 10.0.0-pre0")
        );
        assert!(
            !is_known("Spin Version 6.5.2 -- 6 December 2019")
                && !is_known("spin 2.7.0 (x)")
                && !is_known("")
        );
    }
}
