//! `wasmtime serve`: a process for the gateway and for each service, composed with the client shims
//! of what it calls.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use super::{Options, sidecar};
use crate::adapters;
use crate::config::Config;
use crate::dev::folder::Folder;
use crate::dev::process::{Process, first_ended, free_port, listens, run};
use crate::manifest::{Capability, Component, Manifest, Target};
use crate::serve::Host;

/// The first start on a machine compiles the components, all at the same time.
const START: Duration = Duration::from_secs(300);

/// An instance that serves several requests caches tokens, keys and layouts, as on EventHub's own
/// host.
const REUSE: [&str; 4] = [
    "--max-instance-reuse-count",
    "10000",
    "--idle-instance-timeout",
    "60s",
];

/// The processes and the sidecar.
pub struct Processes {
    processes: Vec<(String, Process)>,
    sidecar: Host,
}

impl Processes {
    pub async fn start(
        options: &Options,
        manifest: &Manifest,
        folder: &Folder,
        config: &mut Config,
    ) -> Result<Self> {
        sidecar::prepare(config)?;
        let Some(entry) = manifest.entry() else {
            bail!("the manifest has no link from http-server to a component")
        };
        let mut addresses = BTreeMap::new();
        for service in manifest.services() {
            addresses.insert(service.to_string(), format!("127.0.0.1:{}", free_port()?));
        }
        for (service, address) in &addresses {
            config
                .services
                .urls
                .insert(service.clone(), format!("http://{address}"));
        }
        addresses.insert(entry.to_string(), config.http.listen.to_string());
        let sidecar = sidecar::start(config, manifest).await?;

        let composed = folder.path.join("composed");
        std::fs::create_dir_all(&composed)?;
        let mut processes = vec![];
        for component in manifest
            .components
            .iter()
            .filter(|component| addresses.contains_key(&component.name))
        {
            let file = compose(manifest, component, &addresses, &composed)?;
            let mut command = Command::new(options.program("wasmtime"));
            command
                .args(["serve", "-Scli", "--addr", &addresses[&component.name]])
                .args(REUSE)
                .env("RUST_BACKTRACE", "0");
            for (name, value) in variables(manifest, component, config) {
                command.arg("--env").arg(format!("{name}={value}"));
            }
            command.arg(file);
            let log = folder.path.join(format!("{}.log", component.name));
            processes.push((
                component.name.clone(),
                Process::start("wasmtime serve", command, None, Signal::SIGTERM, log)?,
            ));
        }
        for (name, process) in &mut processes {
            let port = addresses[name]
                .rsplit_once(':')
                .and_then(|(_, port)| port.parse().ok())
                .unwrap_or_default();
            process
                .wait_until(START, async || listens(port).await)
                .await?;
        }
        Ok(Self { processes, sidecar })
    }

    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.processes
            .iter()
            .map(|(name, process)| (name.clone(), process.pid()))
            .collect()
    }

    /// Returns when one of the processes has ended.
    pub async fn ended(&mut self) -> Result<()> {
        bail!("{} has ended", first_ended(&mut self.processes).await)
    }

    pub async fn stop(mut self) {
        futures::future::join_all(self.processes.iter_mut().map(|(_, process)| process.stop()))
            .await;
        self.sidecar.drain().await;
    }
}

/// The targets of a component's calls: services over HTTP, parts of its own that are no services,
/// capabilities at the sidecar.
fn call_targets<'a>(manifest: &'a Manifest, component: &str) -> impl Iterator<Item = &'a Target> {
    manifest
        .links
        .iter()
        .filter(move |link| link.source == component)
        .map(|link| &link.target)
}

fn compose(
    manifest: &Manifest,
    component: &Component,
    services: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<PathBuf> {
    let client = |name: &str| adapters::client_file(&component.file, name);
    let mut plugs = BTreeSet::new();
    for target in call_targets(manifest, &component.name) {
        match target {
            Target::Component(name) if services.contains_key(name) => {
                _ = plugs.insert(client(name))
            }
            Target::Component(name) => plugs.extend(
                manifest
                    .components
                    .iter()
                    .filter(|part| part.name == *name)
                    .map(|part| part.file.clone()),
            ),
            Target::Capability(Capability::Postgres) => _ = plugs.insert(client("postgres")),
            Target::Capability(Capability::Redis) => _ = plugs.insert(client("redis")),
            Target::Capability(Capability::WebSocket) => _ = plugs.insert(client("websocket")),
            Target::Capability(_) => {}
        }
    }
    let out = folder.join(format!("{}.wasm", component.name));
    let mut command = Command::new(std::env::current_exe()?.with_file_name("eventhub-compose"));
    command.arg(&component.file).args(plugs).arg("-o").arg(&out);
    run(
        command,
        None,
        &folder.join(format!("{}.log", component.name)),
    )?;
    Ok(out)
}

/// The variables of the component and of its parts, and the addresses of what it calls.
fn variables(
    manifest: &Manifest,
    component: &Component,
    config: &Config,
) -> BTreeMap<String, String> {
    let mut variables = config.variables(component);
    for target in call_targets(manifest, &component.name) {
        let Target::Component(name) = target else {
            continue;
        };
        match config.services.urls.get(name) {
            Some(url) => _ = variables.insert(adapters::url_variable(name), url.clone()),
            None => variables.extend(
                manifest
                    .components
                    .iter()
                    .filter(|part| part.name == *name)
                    .flat_map(|part| config.variables(part)),
            ),
        }
    }
    variables.insert(
        "CALL_URL".into(),
        format!("http://{}", config.sidecar.listen),
    );
    variables.insert("CALL_TOKEN".into(), config.services.token.clone());
    variables
}
