//! The build of the components: says what is built, writes the shims, and composes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use eventhub_compose::{Plan, Project, Selection, assemble, compose, write_workspace};

/// Derives from wadm.yaml and the WIT what is built; without a sub-command, composes files.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    composition: Option<Composition>,
}

#[derive(Subcommand)]
enum Command {
    /// Print what is built and what is composed into what.
    Plan {
        #[command(flatten)]
        selected: Selected,
    },
    /// Write the Cargo workspace in which components and shims are compiled.
    Workspace {
        /// The folder of the workspace.
        out: PathBuf,
    },
    /// Compose what Cargo built.
    Assemble {
        #[command(flatten)]
        selected: Selected,
        /// Cargo's folder for the target and the profile.
        #[arg(long)]
        built: PathBuf,
        /// The folder for the finished components.
        #[arg(long, default_value = "target/components")]
        out: PathBuf,
    },
}

#[derive(Args)]
struct Selected {
    /// Components that the manifest does not name.
    extra: Vec<String>,
    /// Only this component, or those that contain it.
    #[arg(long, value_name = "COMPONENT")]
    only: Vec<String>,
}

#[derive(Args)]
struct Composition {
    /// The component, then what is composed into it.
    #[arg(required = true, value_name = "COMPONENT.wasm")]
    files: Vec<PathBuf>,
    /// The server that offers what the component exports.
    #[arg(long, value_name = "SERVER.wasm")]
    rpc: Option<PathBuf>,
    /// The composed component.
    #[arg(short, long, value_name = "OUT.wasm", required = true)]
    output: Option<PathBuf>,
}

/// Every sub-command reads the project in the working directory.
const MANIFEST: &str = "wadm.yaml";

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Plan { selected }) => print!("{}", selected.plan()?),
        Some(Command::Workspace { out }) => write_workspace(&Project::read(Path::new("."))?, &out)?,
        Some(Command::Assemble {
            selected,
            built,
            out,
        }) => {
            let sources = [MANIFEST.into(), std::env::current_exe()?];
            assemble(&selected.plan()?, &built, &out, &sources)?;
        }
        None => {
            let composition = arguments.composition.context("no component is given")?;
            write_composition(&composition)?;
        }
    }
    Ok(())
}

impl Selected {
    fn plan(&self) -> Result<Plan> {
        let selection = Selection {
            extra: self.extra.clone(),
            only: self.only.clone(),
        };
        Plan::new(&Project::read(Path::new("."))?, &selection)
    }
}

fn write_composition(composition: &Composition) -> Result<()> {
    let (component, parts) = composition
        .files
        .split_first()
        .context("no component is given")?;
    let output = composition
        .output
        .as_deref()
        .context("no output is given")?;
    let composed = compose(component, parts, composition.rpc.as_deref())?;
    std::fs::write(output, composed).with_context(|| format!("cannot write {}", output.display()))
}
