//! `eventhub deploy`: the manifest's components on hosts that are not ours.

pub mod spin;
pub mod wash;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::config::Config;
use crate::manifest::Manifest;

/// What `eventhub deploy` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Where to.
    #[arg(value_enum, default_value = "wash")]
    target: Target,
    /// The manifest of the components.
    #[arg(long, env = "EVENTHUB_MANIFEST", default_value = "wadm.yaml")]
    manifest: PathBuf,
    /// A file with what differs from the defaults; `[wash]`, `[sidecar]` and `services.token` are
    /// the ones for this.
    #[arg(long, env = "EVENTHUB_CONFIG")]
    pub config: Option<PathBuf>,
    /// Goes on as soon as so many hosts have answered; otherwise it listens for as long as a host
    /// may be silent.
    #[arg(long)]
    hosts: Option<usize>,
    /// Prints what would be deployed, and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// For Spin: Postgres and Redis through Spin's own interfaces, not through the sidecar.
    #[arg(long, requires = "dry_run")]
    native: bool,
    /// How a dry run prints it: yaml is a WorkloadDeployment for Kubernetes, json what a host is
    /// asked to start.
    #[arg(long, short, value_enum, default_value = "yaml", requires = "dry_run")]
    output: Output,
}

/// What `eventhub undeploy` takes.
#[derive(clap::Args, Debug)]
pub struct Undeploy {
    /// The manifest of what was deployed.
    #[arg(long, env = "EVENTHUB_MANIFEST", default_value = "wadm.yaml")]
    manifest: PathBuf,
    /// A file with what differs from the defaults; `[wash]` says where the lattice is.
    #[arg(long, env = "EVENTHUB_CONFIG")]
    pub config: Option<PathBuf>,
    /// Hosts that do not answer are gone for good: what ran there counts as stopped.
    #[arg(long)]
    forget: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Target {
    /// The hosts of a wasmCloud 2 lattice.
    Wash,
    /// Spin, with --dry-run: its `spin.toml`, which `spin up` runs here and `spin deploy`
    /// elsewhere.
    Spin,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Output {
    Yaml,
    Json,
}

/// `eventhub deploy`.
pub async fn deploy(options: Options, config: &Config) -> Result<()> {
    let manifest = Manifest::load(&options.manifest).await?;
    match (options.target, options.dry_run.then_some(options.output)) {
        (Target::Spin, None) => bail!(
            "Spin deploys itself, with spin.toml: `spin up`, `spin deploy`; --dry-run prints that file"
        ),
        (Target::Spin, Some(_)) => {
            let root = options.manifest.parent().unwrap_or(Path::new(""));
            let through = if options.native {
                spin::Through::Spin
            } else {
                spin::Through::Sidecar
            };
            print!(
                "{}",
                spin::toml(
                    &manifest,
                    if root.as_os_str().is_empty() {
                        Path::new(".")
                    } else {
                        root
                    },
                    through,
                    &spin::Environment::new()
                )?
            );
            Ok(())
        }
        (Target::Wash, None) => wash::deploy(&manifest, config, options.hosts).await,
        (Target::Wash, Some(Output::Yaml)) => {
            print!("{}", wash::kubernetes(&manifest, config)?);
            Ok(())
        }
        (Target::Wash, Some(Output::Json)) => {
            println!("{}", wash::request(&manifest, config)?);
            Ok(())
        }
    }
}

/// `eventhub undeploy`.
pub async fn undeploy(options: Undeploy, config: &Config) -> Result<()> {
    let manifest = Manifest::load(&options.manifest).await?;
    wash::undeploy(&manifest.name, config, options.forget).await
}
