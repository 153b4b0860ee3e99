//! Spin: `spin up` of `spin.toml`, which is generated from the manifest.

use super::{Options, sidecar};
use crate::config::Config;
use crate::dev::folder::Folder;
use crate::dev::process::Process;
use crate::manifest::Manifest;
use crate::serve::Host;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::path::Path;
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
    pub async fn start(options: &Options, folder: &Folder, config: &mut Config) -> Result<Self> {
        let manifest = Manifest::load(&options.manifest).await?;
        sidecar::prepare(config)?;
        let listen = config.http.listen;
        config.sidecar.application = format!("http://127.0.0.1:{}", listen.port());
        let sidecar = sidecar::start(config, &options.manifest).await?;

        let mut command = Command::new(program());
        command.args(arguments(&manifest, config)).arg("--state-dir").arg(folder.path.join("spin")).env("RUST_BACKTRACE", "0");
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
    known.map(drop).with_context(|| format!("`{program}` cannot be run; install Spin 4 (https://spinframework.dev/install), or say where it is with EVENTHUB_SPIN"))
}

/// What `spin` is called with. Variables of the environment go to all components: Spin has none of a component's own that are not
/// in its manifest.
fn arguments(manifest: &Manifest, config: &Config) -> Vec<String> {
    let sidecar = format!("http://{}", config.sidecar.listen);
    let mut environment: BTreeMap<String, String> = manifest.components.iter().flat_map(|component| config.variables(component)).collect();
    environment.insert("CALL_URL".into(), sidecar.clone());
    environment.insert("CALL_TOKEN".into(), config.services.token.clone());
    let mut variables = vec![format!("sidecar={sidecar}")];
    variables.extend(environment.get("STRIPE_URL").map(|url| format!("stripe={url}")));
    let mut arguments: Vec<String> = ["up", "--from", "spin.toml", "--quiet", "--listen"].map(String::from).into();
    arguments.push(config.http.listen.to_string());
    arguments.extend(variables.into_iter().flat_map(|variable| ["--variable".to_string(), variable]));
    arguments.extend(environment.into_iter().flat_map(|(name, value)| ["--env".to_string(), format!("{name}={value}")]));
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn components_are_told_where_the_sidecar_is_and_may_call_it() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[sidecar]\nlisten = \"127.0.0.1:4711\"";
        let config = Config::from_parts(Some(text), "test", &BTreeMap::new()).unwrap();
        let arguments = arguments(&manifest, &config);
        let has = |option: &str, value: &str| arguments.windows(2).any(|pair| pair == [option, value]);
        assert!(has("--variable", "sidecar=http://127.0.0.1:4711") && has("--variable", "stripe=https://api.stripe.com"), "{arguments:?}");
        assert!(has("--env", "CALL_URL=http://127.0.0.1:4711") && has("--env", "CALL_TOKEN=t") && has("--env", "HOLD_TTL_SECONDS=300"), "{arguments:?}");
    }
}
