//! The platform on which the components of a development environment run: this process, several
//! processes, or a foreign host with the sidecar in this process.

mod own;
mod sidecar;
mod spin;
mod split;
mod wash;
mod wasmtime;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::folder::Folder;
use super::state::Component;
use crate::config::Config;
use crate::deploy::spin::Through;
use crate::manifest::Manifest;

/// The platforms.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All in this process.
    Host,
    /// The gateway and each service in a process of its own, which call each other over HTTP.
    Split,
    /// wasmCloud 2: NATS, a registry and `wash host`, to which the components are deployed.
    Wash,
    /// wasmCloud 2: `wash dev`.
    WashDev,
    /// Spin: `spin up` of spin.toml.
    Spin,
    /// Spin, with Postgres and Redis through its own interfaces.
    SpinNative,
    /// The gateway and each service in a `wasmtime serve` of its own.
    Wasmtime,
}

/// The options of all platforms.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Where the components run.
    #[arg(long, env = "EVENTHUB_ON", value_enum, default_value = "host")]
    pub on: On,
    /// The folder of the programs `wash`, `nats-server` and `wasmtime`, for other hosts
    /// (setup/hosts.sh prints it).
    #[arg(long, env = "EVENTHUB_HOSTS")]
    pub hosts: Option<PathBuf>,
    /// Swaps in each component whose file changes. For our own host only.
    #[arg(long)]
    pub watch: bool,
}

impl Options {
    /// Fails when a program that the platform needs is missing, before anything is started.
    pub fn check(&self) -> Result<()> {
        if self.watch && self.on != On::Host {
            bail!("--watch is for our own host: leave out --on, or --watch");
        }
        let programs: &[&str] = match self.on {
            On::Host | On::Split => &[],
            On::Wash => &["nats-server", "wash"],
            On::WashDev => &["wash"],
            On::Wasmtime => &["wasmtime"],
            On::Spin | On::SpinNative => return spin::check(),
        };
        for name in programs {
            let program = self.program(name);
            let known = std::process::Command::new(&program)
                .arg("--version")
                .output();
            known.with_context(|| {
                format!(
                    "cannot run `{}`; setup/hosts.sh fetches it, and prints the folder for --hosts",
                    program.display()
                )
            })?;
        }
        Ok(())
    }

    /// One of the programs of other hosts; from the path when no folder is given.
    fn program(&self, name: &str) -> PathBuf {
        self.hosts
            .as_ref()
            .map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
    }
}

/// Sets variables of a program, except those that its user has set.
fn set_default_variables(command: &mut std::process::Command, variables: &[(&str, &str)]) {
    command.envs(
        variables
            .iter()
            .copied()
            .filter(|(name, _)| std::env::var_os(name).is_none()),
    );
}

/// A running platform, which answers requests.
pub enum Platform {
    Host(Box<own::Own>),
    Split(split::Processes),
    Wash(Box<wash::Wash>),
    Spin(Box<spin::Spin>),
    Wasmtime(Box<wasmtime::Processes>),
}

impl Platform {
    /// Starts it, and waits until every server that components need answers.
    pub async fn start(
        options: &Options,
        manifest: &Manifest,
        folder: &Folder,
        config: &mut Config,
    ) -> Result<Self> {
        Ok(match options.on {
            On::Host => Self::Host(Box::new(
                own::Own::start(manifest, config, options.watch).await?,
            )),
            On::Split => Self::Split(split::Processes::start(folder, manifest, config).await?),
            On::Wash => Self::Wash(Box::new(
                wash::Wash::deploy(options, manifest, folder, config).await?,
            )),
            On::WashDev => Self::Wash(Box::new(
                wash::Wash::develop(options, manifest, folder, config).await?,
            )),
            On::Spin => Self::Spin(Box::new(
                spin::Spin::start(manifest, folder, config, Through::Sidecar).await?,
            )),
            On::SpinNative => Self::Spin(Box::new(
                spin::Spin::start(manifest, folder, config, Through::Spin).await?,
            )),
            On::Wasmtime => Self::Wasmtime(Box::new(
                wasmtime::Processes::start(options, manifest, folder, config).await?,
            )),
        })
    }

    /// Name and pid of each process that it has besides this one.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        match self {
            Self::Host(_) => BTreeMap::new(),
            Self::Split(processes) => processes.pids(),
            Self::Wash(wash) => wash.pids(),
            Self::Spin(spin) => spin.pids(),
            Self::Wasmtime(processes) => processes.pids(),
        }
    }

    /// Returns only when a process ended that is not started again; `restarted` gets the pids after a
    /// restart.
    pub async fn supervise(&mut self, restarted: impl FnMut(&BTreeMap<String, u32>)) -> Result<()> {
        match self {
            Self::Host(host) => host.supervise().await,
            Self::Split(processes) => processes.supervise(restarted).await,
            Self::Wash(wash) => wash.ended().await,
            Self::Spin(spin) => spin.ended().await,
            Self::Wasmtime(processes) => processes.ended().await,
        }
    }

    pub async fn stop(self) {
        match self {
            Self::Host(host) => host.stop().await,
            Self::Split(mut processes) => processes.stop().await,
            Self::Wash(wash) => wash.stop().await,
            Self::Spin(spin) => spin.stop().await,
            Self::Wasmtime(processes) => processes.stop().await,
        }
    }
}

/// Name and sha256 of the file of each component.
pub fn component_hashes(manifest: &Manifest) -> Result<Vec<Component>> {
    let hash = |component: &crate::manifest::Component| {
        let wasm = std::fs::read(&component.file)
            .with_context(|| format!("cannot read {}", component.file.display()))?;
        Ok(Component {
            name: component.name.clone(),
            sha256: hex::encode(Sha256::digest(&wasm)),
        })
    };
    manifest.components.iter().map(hash).collect()
}
