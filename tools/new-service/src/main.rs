//! `make new-service NAME=reviews`: writes a service with one resource. The files of `template/` are
//! copied to the same places of the checkout; `manifest` enters the service into `wadm.yaml`.
//! Nothing else changes, for everything else is derived from these.

mod manifest;
mod names;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use names::Names;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/template");

fn main() -> Result<()> {
    let name = std::env::args()
        .nth(1)
        .context("say the service's name, a plural noun: new-service reviews")?;
    let names = Names::parse(&name)?;
    let root = std::env::current_dir()?;
    let files = render_template(&names, Path::new(TEMPLATE))?;
    for (path, _) in &files {
        if root.join(path).exists() {
            bail!("{} exists already; choose another name", path.display());
        }
    }
    let manifest = root.join("wadm.yaml");
    let entered = manifest::add_service(&std::fs::read_to_string(&manifest)?, &names)?;
    for (path, text) in &files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        std::fs::write(path, text)?;
    }
    std::fs::write(manifest, entered)?;
    println!("Wrote the service {}:", names.service);
    for (path, _) in &files {
        println!("  {}", path.display());
    }
    println!("and its entry in wadm.yaml. `make build` builds it; `make run` serves it.");
    Ok(())
}

/// Every file of the template: where it goes, and what it says.
fn render_template(names: &Names, folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let (mut files, mut folders) = (vec![], vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let place = path.strip_prefix(folder)?.display().to_string();
            // A Cargo.toml of the template would be a package of its own.
            let place = names.fill(place.strip_suffix(".template").unwrap_or(&place));
            files.push((
                PathBuf::from(place),
                names.fill(&std::fs::read_to_string(&path)?),
            ));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_placeholder_is_left() {
        let names = Names::parse("reviews").unwrap();
        let files = render_template(&names, Path::new(TEMPLATE)).unwrap();
        assert!(files.len() > 10);
        for (path, text) in files {
            let path = path.display().to_string();
            assert!(!path.contains("__") && !text.contains("__"), "{path}");
        }
    }
}
