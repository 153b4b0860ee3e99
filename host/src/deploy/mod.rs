//! `eventhub deploy`: the manifest's components on foreign hosts.

pub mod spin;
pub mod wash;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::config::Config;
use crate::manifest::Manifest;

/// What `eventhub deploy` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The kind of host.
    #[arg(value_enum, default_value = "wash")]
    target: Target,
    /// Continues as soon as so many hosts have answered; otherwise it listens for as long as a host
    /// may be silent.
    #[arg(long)]
    hosts: Option<usize>,
    /// Prints the deployment, and deploys nothing.
    #[arg(long)]
    dry_run: bool,
    /// For Spin: Postgres and Redis through Spin's own interfaces, not through the sidecar.
    #[arg(long, requires = "dry_run")]
    native: bool,
    /// The format of a dry run: yaml is a WorkloadDeployment for Kubernetes, json the request to a
    /// host.
    #[arg(long, short, value_enum, default_value = "yaml", requires = "dry_run")]
    output: Output,
}

/// What `eventhub undeploy` takes.
#[derive(clap::Args, Debug)]
pub struct Undeploy {
    /// Takes hosts that do not answer for gone: what ran there counts as stopped.
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
pub async fn deploy(options: Options, manifest: &Manifest, config: &Config) -> Result<()> {
    match (options.target, options.dry_run.then_some(options.output)) {
        (Target::Spin, None) => bail!(
            "Spin deploys itself, with spin.toml: `spin up`, `spin deploy`; --dry-run prints that file"
        ),
        (Target::Spin, Some(_)) => {
            let through = if options.native {
                spin::Through::Spin
            } else {
                spin::Through::Sidecar
            };
            print!(
                "{}",
                spin::toml(
                    manifest,
                    manifest.folder(),
                    through,
                    &config.outgoing,
                    &spin::Environment::new()
                )?
            );
            Ok(())
        }
        (Target::Wash, None) => wash::deploy(manifest, config, options.hosts).await,
        (Target::Wash, Some(Output::Yaml)) => {
            print!("{}", wash::kubernetes(manifest, config)?);
            Ok(())
        }
        (Target::Wash, Some(Output::Json)) => {
            println!("{}", wash::request(manifest, config)?);
            Ok(())
        }
    }
}

/// `eventhub undeploy`.
pub async fn undeploy(options: Undeploy, manifest: &Manifest, config: &Config) -> Result<()> {
    wash::undeploy(&manifest.name, config, options.forget).await
}
