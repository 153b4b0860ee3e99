//! wasmCloud 2 on this machine: `wash host` with a NATS server and a registry, or `wash dev`, which
//! needs neither.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::{Options, set_default_variables, sidecar};
use crate::config::Config;
use crate::deploy::wash as deployment;
use crate::dev::folder::Folder;
use crate::dev::process::{Process, first_ended, listens, port};
use crate::manifest::Manifest;
use crate::serve::Host;

const START: Duration = Duration::from_secs(60);
/// `wash dev` compiles before it serves.
const FIRST_START: Duration = Duration::from_secs(300);

/// The processes of wasmCloud and the sidecar, in the order in which they are started.
pub struct Wash {
    processes: Vec<(&'static str, Process)>,
    sidecar: Host,
}

impl Wash {
    /// A lattice of one host, and the components deployed to it.
    pub async fn deploy(
        options: &Options,
        manifest: &Manifest,
        folder: &Folder,
        config: &mut Config,
    ) -> Result<Self> {
        let mut processes = vec![
            ("nats", nats(options, folder, config).await?),
            ("registry", registry(folder, config).await?),
        ];
        config.wash.command = options.program("wash").display().to_string();
        let mut host = Command::new(&config.wash.command);
        host.args([
            "host",
            "--non-interactive",
            "--host-name",
            "localhost",
            "--allow-insecure-registries",
            "--scheduler-nats-url",
            &config.wash.nats,
        ]);
        host.args([
            "--data-nats-url",
            &config.wash.nats,
            "--http-addr",
            &config.http.listen.to_string(),
            "--oci-cache-dir",
        ])
        .arg(folder.path.join("oci"));
        let mut host = Process::start(
            "wash host",
            quiet(host, folder)?,
            None,
            Signal::SIGTERM,
            folder.path.join("wash.log"),
        )?;
        let address = config.http.listen.port();
        host.wait_until(START, async || listens(address).await)
            .await?;
        processes.push(("wash", host));

        let sidecar = start_sidecar(manifest, config).await?;
        // For `eventhub deploy --config` by hand.
        crate::dev::state::write_text(
            &folder.path.join("wash.toml"),
            &toml::to_string(&toml::Table::try_from(&*config)?)?,
        )?;
        deployment::deploy(manifest, config, Some(1)).await?;
        Ok(Self { processes, sidecar })
    }

    /// `wash dev`, with the components as they lie in the folder.
    pub async fn develop(
        options: &Options,
        manifest: &Manifest,
        folder: &Folder,
        config: &mut Config,
    ) -> Result<Self> {
        let sidecar = start_sidecar(manifest, config).await?;
        let project = folder.path.join("wash-dev");
        std::fs::create_dir_all(project.join(".wash"))?;
        let text = deployment::development(manifest, config)?;
        crate::dev::state::write_text(&project.join(".wash/config.yaml"), &text)?;
        let mut dev = Command::new(options.program("wash"));
        dev.args(["dev", "--non-interactive"]).current_dir(&project);
        let mut dev = Process::start(
            "wash dev",
            quiet(dev, folder)?,
            None,
            Signal::SIGTERM,
            folder.path.join("wash.log"),
        )?;
        let url = format!(
            "http://127.0.0.1:{}/api/v1/events?limit=1",
            config.http.listen.port()
        );
        dev.wait_until(FIRST_START, async || {
            reqwest::get(&url)
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await?;
        Ok(Self {
            processes: vec![("wash", dev)],
            sidecar,
        })
    }

    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.processes
            .iter()
            .map(|(name, process)| (name.to_string(), process.pid()))
            .collect()
    }

    /// Returns when one of the processes has ended.
    pub async fn ended(&mut self) -> Result<()> {
        bail!("{} has ended", first_ended(&mut self.processes).await)
    }

    pub async fn stop(mut self) {
        while let Some((_, mut process)) = self.processes.pop() {
            process.stop().await;
        }
        self.sidecar.drain().await;
    }
}

async fn start_sidecar(manifest: &Manifest, config: &mut Config) -> Result<Host> {
    sidecar::prepare(config)?;
    config.sidecar.application = format!("http://127.0.0.1:{}", config.http.listen.port());
    sidecar::start(config, manifest).await
}

/// A request takes an instance of each component for each call on its way, and each of these up to
/// nine core instances. Sixteen requests at a time use up the thousand that wash has by default;
/// wash answers further ones with an empty 500.
const LIMITS: [(&str, &str); 5] = [
    ("WASH_CORE_INSTANCES", "16000"),
    ("WASH_DEFAULT_HEAP_MEMORY", "512MiB"),
    // `wash dev` reads only these.
    ("WASMTIME_POOLING_TOTAL_CORE_INSTANCES", "16000"),
    ("WASMTIME_POOLING_TOTAL_MEMORIES", "4000"),
    ("WASMTIME_POOLING_TOTAL_TABLES", "8000"),
];

/// By default wash makes a backtrace for every request, and writes its own files to the user's home
/// instead of the environment's folder.
fn quiet(mut command: Command, folder: &Folder) -> Result<Command> {
    let home = folder.path.join("wash-home");
    std::fs::create_dir_all(&home)?;
    command
        .env("HOME", home)
        .env("RUST_BACKTRACE", "0")
        .env("RUST_LIB_BACKTRACE", "0");
    set_default_variables(&mut command, &LIMITS);
    Ok(command)
}

async fn nats(options: &Options, folder: &Folder, config: &mut Config) -> Result<Process> {
    // The store of an earlier run names hosts that are gone.
    let store = folder.path.join("nats");
    let _ = std::fs::remove_dir_all(&store);
    let port = port("EVENTHUB_NATS_PORT")?;
    let mut command = Command::new(options.program("nats-server"));
    command
        .args([
            "--addr",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--jetstream",
            "--store_dir",
        ])
        .arg(store);
    let mut process = Process::start(
        "NATS",
        command,
        None,
        Signal::SIGTERM,
        folder.path.join("nats.log"),
    )?;
    process
        .wait_until(START, async || listens(port).await)
        .await?;
    config.wash.nats = format!("nats://127.0.0.1:{port}");
    Ok(process)
}

async fn registry(folder: &Folder, config: &mut Config) -> Result<Process> {
    let port = port("EVENTHUB_REGISTRY_PORT")?;
    let file = folder.path.join("registry.yaml");
    crate::dev::state::write_text(
        &file,
        &registry_settings(&folder.path.join("registry"), port),
    )?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(file);
    let process = Process::start(
        "the registry",
        command,
        None,
        Signal::SIGTERM,
        folder.path.join("registry.log"),
    );
    let mut process =
        process.context("docker-registry (Debian: apt-get install docker-registry)")?;
    process
        .wait_until(START, async || listens(port).await)
        .await?;
    config.wash.registry = format!("127.0.0.1:{port}/eventhub");
    Ok(process)
}

fn registry_settings(folder: &Path, port: u16) -> String {
    format!(
        "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: '127.0.0.1:{port}' }}\nlog: {{ level: warn }}\n",
        serde_json::Value::from(folder.display().to_string())
    )
}
