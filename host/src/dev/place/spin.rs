//! Spin: `spin up` of `spin.toml`, which is generated from the manifest.

use super::{Options, sidecar};
use crate::config::Config;
use crate::deploy::spin::{self as deployment, Through};
use crate::dev::folder::Folder;
use crate::dev::process::Process;
use crate::manifest::Manifest;
use crate::serve::Host;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// It compiles before it serves.
const START: Duration = Duration::from_secs(300);

/// `spin up` and the sidecar.
pub struct Spin {
    process: Process,
    sidecar: Host,
}

impl Spin {
    pub async fn start(options: &Options, folder: &Folder, config: &mut Config, through: Through) -> Result<Self> {
        let manifest = Manifest::load(&options.manifest).await?;
        sidecar::prepare(config)?;
        let listen = config.http.listen;
        config.sidecar.application = format!("http://127.0.0.1:{}", listen.port());
        let sidecar = sidecar::start(config, &options.manifest).await?;

        let mut command = Command::new(program());
        let file = match through {
            Through::Sidecar => PathBuf::from("spin.toml"),
            Through::Spin => native(manifest.clone(), folder)?,
        };
        command.args(arguments(&manifest, config, &file, through)).arg("--state-dir").arg(folder.path.join("spin")).env("RUST_BACKTRACE", "0");
        command.current_dir(options.manifest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        let mut process = Process::start("spin", command, None, Signal::SIGTERM, folder.path.join("spin.log"))?;
        let url = format!("http://127.0.0.1:{}/api/v1/events?limit=1", listen.port());
        process.wait_until(START, async || reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success())).await.context("spin up")?;
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
        bail!("spin has ended")
    }

    pub async fn stop(mut self) {
        self.process.stop().await;
        self.sidecar.drain().await;
    }
}

fn program() -> String {
    std::env::var("EVENTHUB_SPIN").unwrap_or_else(|_| "spin".into())
}

/// Whether it is installed.
pub fn check() -> Result<()> {
    let program = program();
    let known = Command::new(&program).arg("--version").output();
    known
        .map(drop)
        .with_context(|| format!("`{program}` cannot be run; install Spin 4 (https://spinframework.dev/install), or say where it is with EVENTHUB_SPIN"))
}

/// The manifest for Spin's own interfaces, in the environment's folder: with whole paths.
fn native(mut manifest: Manifest, folder: &Folder) -> Result<PathBuf> {
    for component in &mut manifest.components {
        component.file = component.file.canonicalize().with_context(|| format!("{}; is it built? (make build)", component.file.display()))?;
    }
    let file = folder.path.canonicalize()?.join("spin.toml");
    crate::dev::state::write_text(&file, &deployment::toml(&manifest, Path::new(""), Through::Spin)?)?;
    Ok(file)
}

/// What `spin` is called with. Variables of the environment go to all components: Spin has none of a component's own that are not
/// in its manifest.
fn arguments(manifest: &Manifest, config: &Config, file: &Path, through: Through) -> Vec<String> {
    let sidecar = format!("http://{}", config.sidecar.listen);
    let mut environment: BTreeMap<String, String> = manifest.components.iter().flat_map(|component| config.variables(component)).collect();
    environment.insert("CALL_URL".into(), sidecar.clone());
    environment.insert("CALL_TOKEN".into(), config.services.token.clone());
    let mut variables = vec![format!("sidecar={sidecar}")];
    variables.extend(environment.get("STRIPE_URL").map(|url| format!("stripe={url}")));
    if through == Through::Spin {
        let databases = &config.postgres.databases;
        let timeout = config.postgres.statement_timeout_ms;
        environment.extend(databases.iter().map(|(name, url)| (format!("POSTGRES_URL_{}", name.to_uppercase()), with_limits(url, timeout))));
        environment.insert("REDIS_URL".into(), config.redis.url.clone());
        variables.extend(databases.values().next().map(|url| format!("postgres={}", server(url))));
        variables.push(format!("redis={}", server(&config.redis.url)));
    }
    let mut arguments: Vec<String> = ["up", "--from", &file.display().to_string(), "--quiet", "--listen"].map(String::from).into();
    arguments.push(config.http.listen.to_string());
    arguments.extend(variables.into_iter().flat_map(|variable| ["--variable".to_string(), variable]));
    arguments.extend(environment.into_iter().flat_map(|(name, value)| ["--env".to_string(), format!("{name}={value}")]));
    arguments
}

/// An address of PostgreSQL with the limits of our own host's connections.
fn with_limits(url: &str, timeout_ms: u64) -> String {
    let joined = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joined}connect_timeout=2&options=-c%20statement_timeout%3D{timeout_ms}%20-c%20idle_in_transaction_session_timeout%3D{timeout_ms}")
}

/// `postgres://user:password@host:5432/db` → `postgres://host:5432`: whom a component may connect to.
fn server(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    format!("{scheme}://{}", authority.rsplit_once('@').map_or(authority, |(_, server)| server))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn components_are_told_where_the_sidecar_is_and_may_call_it() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[sidecar]\nlisten = \"127.0.0.1:4711\"";
        let config = Config::from_parts(Some(text), "test", &BTreeMap::new()).unwrap();
        let arguments = arguments(&manifest, &config, Path::new("spin.toml"), Through::Sidecar);
        let has = |option: &str, value: &str| arguments.windows(2).any(|pair| pair == [option, value]);
        assert!(has("--variable", "sidecar=http://127.0.0.1:4711") && has("--variable", "stripe=https://api.stripe.com"), "{arguments:?}");
        assert!(has("--env", "CALL_URL=http://127.0.0.1:4711") && has("--env", "CALL_TOKEN=t") && has("--env", "HOLD_TTL_SECONDS=300"), "{arguments:?}");
    }

    #[tokio::test]
    async fn through_spin_components_are_told_where_the_servers_are() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text =
            "[services]\ntoken = \"t\"\n[postgres.databases]\nevent_db = \"postgres://me:secret@db:5433/event_db\"\nidentity_db = \"postgres://db:5433/i\"";
        let mut config = Config::from_parts(Some(text), "test", &BTreeMap::new()).unwrap();
        config.postgres.databases.retain(|name, _| name == "event_db");
        let arguments = arguments(&manifest, &config, Path::new("/home/spin.toml"), Through::Spin);
        let has = |option: &str, value: &str| arguments.windows(2).any(|pair| pair == [option, value]);
        let limits = "connect_timeout=2&options=-c%20statement_timeout%3D15000%20-c%20idle_in_transaction_session_timeout%3D15000";
        assert!(has("--env", &format!("POSTGRES_URL_EVENT_DB=postgres://me:secret@db:5433/event_db?{limits}")), "{arguments:?}");
        assert!(has("--env", "REDIS_URL=redis://127.0.0.1:6379") && has("--variable", "redis=redis://127.0.0.1:6379"), "{arguments:?}");
        assert!(has("--variable", "postgres=postgres://db:5433") && has("--from", "/home/spin.toml"), "{arguments:?}");
        assert_eq!(server("redis://:secret@cache/0"), "redis://cache");
    }
}
