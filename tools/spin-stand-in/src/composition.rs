//! A component with its dependencies in it, by Spin's rules: each entry satisfies an import, a
//! package has one entry, and only with `dependencies_inherit_configuration` may a dependency call
//! anybody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use eventhub_compose::{compose, interfaces};

use crate::manifest::Manifest;

impl Manifest {
    /// What Spin would instantiate.
    ///
    /// # Errors
    /// Why it would refuse the component.
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
            ensure!(
                imports.contains(entry),
                "dependency {entry} doesn't match any imports of the component"
            );
            ensure!(
                packages.insert(entry.split('/').next()),
                "package of {entry} has already been registered in the graph"
            );
            let path = self.root.join(&dependency.path);
            ensure!(
                read(&path)?.1.contains(entry),
                "{} does not export {entry}",
                path.display()
            );
            parts.insert(path);
        }
        if !parts.is_empty() && !described.dependencies_inherit_configuration {
            bail!("its dependencies could call nobody");
        }
        compose(&source, &parts.into_iter().collect::<Vec<_>>(), None)
    }
}

fn read(path: &Path) -> Result<(Vec<String>, Vec<String>)> {
    interfaces(
        &std::fs::read(path)
            .with_context(|| format!("cannot read {}; is it built?", path.display()))?,
    )
}
