//! `eventhub`: serves the components of a manifest on real servers, in development and in
//! production.

mod adapters;
mod admin;
mod app;
mod config;
mod deploy;
mod dev;
mod live;
mod logging;
mod manifest;
mod migrate;
mod outgoing;
mod serve;
mod server;
mod split;
mod triggers;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use config::Config;
use manifest::Manifest;
use split::Role;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// EventHub: events, venues, seats, bookings and payments as WebAssembly components.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The two files that every command reads.
#[derive(Args)]
struct Files {
    /// The manifest (OAM, as wasmCloud has it).
    #[arg(long, env = "EVENTHUB_MANIFEST", default_value = "wadm.yaml")]
    manifest: PathBuf,
    /// A file with what differs from the defaults; `eventhub config` prints them all.
    #[arg(long, env = "EVENTHUB_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Development: starts private PostgreSQL, Redis, Kafka and a Stripe simulator, migrates, seeds
    /// a demo, and serves. What it sets itself wins over --config: addresses, keys and rate limits.
    Up {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: dev::Options,
    },
    /// Production: serves the components of a manifest on the servers that the configuration names.
    Serve {
        #[command(flatten)]
        files: Files,
        /// Only these services, where other processes serve the rest: `booking,payment`.
        /// `api-gateway` is the public one.
        #[arg(long, env = "EVENTHUB_SERVICES", value_delimiter = ',')]
        services: Vec<String>,
    },
    /// The capabilities for components on another host, such as wasmCloud or Spin: they call it
    /// over HTTP; it calls them with messages and timers, and holds the WebSockets. `[sidecar]` and
    /// `services.token` configure it.
    Sidecar {
        #[command(flatten)]
        files: Files,
    },
    /// Deploys the components on hosts of a wasmCloud 2 lattice. `[wash]`, `[sidecar]` and
    /// `services.token` configure it.
    Deploy {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: deploy::Options,
    },
    /// Stops what was deployed. `[wash]` says where the lattice is.
    Undeploy {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: deploy::Undeploy,
    },
    /// Brings the schemas of the manifest's databases up to date. Run it before new components are
    /// served.
    Migrate {
        #[command(flatten)]
        files: Files,
        /// The folder of migrations, a folder per database in it.
        #[arg(long, env = "EVENTHUB_MIGRATIONS", default_value = "migrations")]
        migrations: PathBuf,
    },
    /// Prints the whole default configuration, commented.
    Config,
}

impl Command {
    fn files(&self) -> Option<&Files> {
        match self {
            Self::Up { files, .. }
            | Self::Serve { files, .. }
            | Self::Sidecar { files }
            | Self::Deploy { files, .. }
            | Self::Undeploy { files, .. }
            | Self::Migrate { files, .. } => Some(files),
            Self::Config => None,
        }
    }
}

fn main() -> Result<()> {
    let command = Arguments::parse().command;
    let Some(files) = command.files() else {
        print!("{}", config::DEFAULT);
        return Ok(());
    };
    let (manifest, config) = (files.manifest.clone(), files.config.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let manifest = Manifest::load(&manifest).await?;
        let config = Config::load(&manifest, config.as_deref())?;
        logging::init(&config.log)?;
        run(command, &manifest, config).await
    });
    // Everything that matters has ended, or had its time.
    runtime.shutdown_background();
    result
}

async fn run(command: Command, manifest: &Manifest, mut config: Config) -> Result<()> {
    match command {
        Command::Up { options, .. } => dev::up(options, manifest, config).await,
        Command::Serve { services, .. } => {
            let role = if services.is_empty() {
                Role::Whole
            } else {
                Role::Services(services)
            };
            serve::serve(&mut config, manifest, &role).await
        }
        Command::Sidecar { .. } => serve::serve(&mut config, manifest, &Role::Sidecar).await,
        Command::Deploy { options, .. } => deploy::deploy(options, manifest, &config).await,
        Command::Undeploy { options, .. } => deploy::undeploy(options, manifest, &config).await,
        Command::Migrate { migrations, .. } => {
            migrate::run(&migrations, &config.postgres.databases).await
        }
        Command::Config => Ok(()),
    }
}
