//! Takes the arguments of `spin`: `up --from spin.toml --listen 127.0.0.1:3000 --variable
//! name=value --env NAME=value`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use eventhub_spin_stand_in::manifest::Manifest;
use eventhub_spin_stand_in::{Application, serve};

#[derive(Parser)]
#[command(name = "spin", version = "4.1.0 (stand-in)")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs an application.
    Up(Up),
}

#[derive(clap::Args)]
struct Up {
    #[arg(long, short, default_value = "spin.toml")]
    from: PathBuf,
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Variables of the application.
    #[arg(long)]
    variable: Vec<String>,
    /// Environment variables of all components.
    #[arg(long)]
    env: Vec<String>,
    #[arg(long)]
    state_dir: Option<PathBuf>,
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Command::Up(up) = Arguments::parse().command;
    let manifest = Manifest::read(&up.from)?;
    let application = Application::load(&manifest, &pairs(&up.variable)?, &pairs(&up.env)?)?;
    if !up.quiet {
        println!("Serving http://{}", up.listen);
    }
    serve(application, up.listen).await
}

fn pairs(texts: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |text: &String| {
        text.split_once('=')
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .with_context(|| format!("{text}: no ="))
    };
    texts.iter().map(pair).collect()
}
