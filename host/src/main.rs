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
use clap::{Parser, Subcommand};
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

#[derive(Subcommand)]
enum Command {
    /// Development: starts private PostgreSQL, Redis, Kafka and a Stripe simulator, migrates, seeds
    /// a demo, and serves.
    Up(dev::Options),
    /// Production: serves the components of a manifest on the servers that the configuration names.
    Serve {
        /// Only these services, the others being served by other processes: `booking,payment`.
        /// `api-gateway` is the public one.
        #[arg(long, env = "EVENTHUB_SERVICES", value_delimiter = ',')]
        services: Vec<String>,
        /// The manifest (OAM, as wasmCloud has it).
        #[arg(long, env = "EVENTHUB_MANIFEST", default_value = "wadm.yaml")]
        manifest: PathBuf,
        /// A file with what differs from the defaults; `eventhub config` prints them all.
        #[arg(long, env = "EVENTHUB_CONFIG")]
        config: Option<PathBuf>,
    },
    /// The capabilities for components on another host, such as wasmCloud or Spin: they call it
    /// over HTTP; it calls them with messages and timers, and holds the WebSockets.
    Sidecar {
        /// The manifest of the components on the other host.
        #[arg(long, env = "EVENTHUB_MANIFEST", default_value = "wadm.yaml")]
        manifest: PathBuf,
        /// A file with what differs from the defaults; `[sidecar]` and `services.token` are the
        /// ones for this.
        #[arg(long, env = "EVENTHUB_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Deploys the components on hosts of a wasmCloud 2 lattice.
    Deploy(deploy::Options),
    /// Stops what was deployed.
    Undeploy(deploy::Undeploy),
    /// Brings the databases' schemas up to date. Run it before new components are served.
    Migrate {
        /// The folder of migrations, a folder per database in it.
        #[arg(long, env = "EVENTHUB_MIGRATIONS", default_value = "migrations")]
        migrations: PathBuf,
        /// A file with what differs from the defaults.
        #[arg(long, env = "EVENTHUB_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Prints the whole default configuration, commented.
    Config,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let file = match &arguments.command {
        Command::Serve { config, .. }
        | Command::Sidecar { config, .. }
        | Command::Migrate { config, .. } => config.clone(),
        Command::Deploy(options) => options.config.clone(),
        Command::Undeploy(options) => options.config.clone(),
        Command::Up(options) => options.config.clone(),
        Command::Config => {
            print!("{}", config::DEFAULT);
            return Ok(());
        }
    };
    let mut config = config::Config::load(file.as_deref())?;
    logging::init(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Up(options) => dev::up(options).await,
            Command::Serve {
                manifest, services, ..
            } => {
                let role = if services.is_empty() {
                    Role::Whole
                } else {
                    Role::Services(services)
                };
                serve::serve(&mut config, &manifest, &role).await
            }
            Command::Sidecar { manifest, .. } => {
                serve::serve(&mut config, &manifest, &Role::Sidecar).await
            }
            Command::Deploy(options) => deploy::deploy(options, &config).await,
            Command::Undeploy(options) => deploy::undeploy(options, &config).await,
            Command::Migrate { migrations, .. } => {
                migrate::run(&migrations, &config.postgres.databases).await
            }
            Command::Config => Ok(()),
        }
    });
    // All that matters has ended, or had its time.
    runtime.shutdown_background();
    result
}
