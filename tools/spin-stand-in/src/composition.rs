//! A component composed with its dependencies, by Spin's rules: each entry satisfies one import, or
//! all imports of its package; a package has one entry; and a dependency may call out only with
//! `dependencies_inherit_configuration`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use eventhub_compose::{compose, interfaces};

use crate::manifest::Manifest;

impl Manifest {
    /// The composed component, as Spin would instantiate it.
    ///
    /// # Errors
    /// Why Spin would refuse the component.
    pub fn composed(&self, name: &str) -> Result<Vec<u8>> {
        self.compose(name)
            .with_context(|| format!("component {name}"))
    }

    fn compose(&self, name: &str) -> Result<Vec<u8>> {
        let described = self.component.get(name).context("there is none")?;
        let source = self.root.join(&described.source);
        let (imports, exports) = read(&source)?;
        let handlers = exports
            .iter()
            .filter(|export| export.starts_with("wasi:http/incoming-handler@0.2."))
            .count();
        ensure!(
            handlers == 1,
            "{handlers} HTTP handlers among its exports: {exports:?}"
        );
        let (mut packages, mut parts) = (BTreeSet::new(), BTreeSet::<PathBuf>::new());
        for (entry, dependency) in &described.dependencies {
            let matched: Vec<_> = imports
                .iter()
                .filter(|import| matches_import(entry, import))
                .collect();
            ensure!(
                !matched.is_empty(),
                "dependency {entry} doesn't match any imports of the component"
            );
            ensure!(
                packages.insert(entry.split(['/', '@']).next()),
                "package of {entry} has already been registered in the graph"
            );
            let path = self.root.join(&dependency.path);
            let exports = read(&path)?.1;
            for import in matched {
                ensure!(
                    exports.contains(import),
                    "{} does not export {import}",
                    path.display()
                );
            }
            parts.insert(path);
        }
        if !parts.is_empty() && !described.dependencies_inherit_configuration {
            bail!("its dependencies could call nobody");
        }
        compose(&source, &parts.into_iter().collect::<Vec<_>>(), None)
    }
}

/// An entry is an interface, `a:b/c@1.0.0`, or a whole package, `a:b@1.0.0`.
fn matches_import(entry: &str, import: &str) -> bool {
    let interface = import.split_once('/').zip(import.rsplit_once('@'));
    let package = interface.map(|((package, _), (_, version))| format!("{package}@{version}"));
    entry == import || package.as_deref() == Some(entry)
}

fn read(path: &Path) -> Result<(Vec<String>, Vec<String>)> {
    interfaces(
        &std::fs::read(path)
            .with_context(|| format!("cannot read {}; is it built?", path.display()))?,
    )
}
