//! The finished files: what Cargo built, composed by the plan. A file is written only when it would
//! change, so that a host that watches it does not reload for nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::composition::compose;
use crate::plan::Plan;

/// Writes the components of a plan to `out`, and the shims and adapters to `out/adapters`.
///
/// `built` is Cargo's folder for the target and the profile: `target/wasm32-wasip2/component`. A
/// composition older than one of `sources` (the manifest, this tool) is made again.
///
/// # Errors
/// A file that Cargo should have built is missing, a composition fails, or a file cannot be
/// written.
pub fn assemble(plan: &Plan, built: &Path, out: &Path, sources: &[PathBuf]) -> Result<()> {
    let adapters = out.join("adapters");
    fs::create_dir_all(&adapters).with_context(|| format!("cannot make {}", adapters.display()))?;
    let library = |package: &str| built.join(format!("{}.wasm", package.replace('-', "_")));
    for component in &plan.components {
        let source = library(&component.name);
        let target = out.join(format!("{}.wasm", component.name));
        let parts: Vec<_> = component.parts.iter().map(|part| library(part)).collect();
        let rpc = component.rpc.as_deref().map(library);
        if parts.is_empty() && rpc.is_none() {
            copy_if_changed(&source, &target)?;
            continue;
        }
        let inputs = parts.iter().chain(&rpc).chain(sources).chain([&source]);
        if is_outdated(&target, inputs)? {
            write_whole(&target, &compose(&source, &parts, rpc.as_deref())?)?;
        }
    }
    for name in &plan.shims {
        copy_if_changed(&library(name), &adapters.join(format!("{name}.wasm")))?;
    }
    for adapter in &plan.adapters {
        let name = format!("{}.wasm", adapter.name.replace('-', "_"));
        copy_if_changed(&library(&adapter.package), &adapters.join(name))?;
    }
    Ok(())
}

/// Whether `target` is missing or not newer than every input.
fn is_outdated<'a>(target: &Path, inputs: impl Iterator<Item = &'a PathBuf>) -> Result<bool> {
    let Ok(made) = modification_time(target) else {
        return Ok(true);
    };
    for input in inputs {
        if modification_time(input)? >= made {
            return Ok(true);
        }
    }
    Ok(false)
}

fn modification_time(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.modified()?)
}

fn copy_if_changed(source: &Path, target: &Path) -> Result<()> {
    let content = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
    if fs::read(target).is_ok_and(|known| known == content) {
        return Ok(());
    }
    write_whole(target, &content)
}

/// Replaces `target` in one step: a host that reads it meanwhile sees the old file or the new one.
fn write_whole(target: &Path, content: &[u8]) -> Result<()> {
    let temporary = target.with_extension("wasm.new");
    fs::write(&temporary, content)
        .and_then(|()| fs::rename(&temporary, target))
        .with_context(|| format!("cannot write {}", target.display()))
}
