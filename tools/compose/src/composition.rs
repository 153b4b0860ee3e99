//! Composes components into one ordinary component that every host accepts. The parts share its
//! store and fail with it.
//!
//! An import of the component is connected to the part that exports it. The RPC server imports what
//! the component exports and offers the same over HTTP: the result exports both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

/// Composes `parts` into `component`, and puts the RPC server `rpc` in front of it.
///
/// # Errors
/// A file is not a component, or a part exports nothing that the component imports.
pub fn compose(component: &Path, parts: &[PathBuf], rpc: Option<&Path>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let main = Instance::new(&mut graph, component)?;
    for path in parts {
        let part = Instance::new(&mut graph, path)?;
        part.plug_into(&mut graph, &main)
            .with_context(|| format!("{} into {}", path.display(), component.display()))?;
    }
    if let Some(path) = rpc {
        let server = Instance::new(&mut graph, path)?;
        main.plug_into(&mut graph, &server)
            .with_context(|| format!("{} behind {}", component.display(), path.display()))?;
        server.export(&mut graph)?;
    }
    main.export(&mut graph)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// The names of what a component imports and exports.
///
/// # Errors
/// The bytes are not a component.
pub fn interfaces(component: &[u8]) -> Result<(Vec<String>, Vec<String>)> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes(
        "part:component",
        None,
        component.to_vec(),
        graph.types_mut(),
    )?;
    let world = &graph.types()[package.ty()];
    Ok((
        world.imports.keys().cloned().collect(),
        world.exports.keys().cloned().collect(),
    ))
}

/// An instance in the composition.
struct Instance {
    package: PackageId,
    node: NodeId,
}

impl Instance {
    fn new(graph: &mut CompositionGraph, path: &Path) -> Result<Self> {
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or("component")
            .replace('_', "-");
        let package = Package::from_file(&format!("part:{name}"), None, path, graph.types_mut())
            .with_context(|| format!("cannot read component {}", path.display()))?;
        let package = graph.register_package(package)?;
        Ok(Self {
            package,
            node: graph.instantiate(package),
        })
    }

    /// Connects the exports of this instance to the imports of `user`.
    fn plug_into(&self, graph: &mut CompositionGraph, user: &Instance) -> Result<()> {
        let wanted: BTreeSet<String> = graph.types()[graph[user.package].ty()]
            .imports
            .keys()
            .cloned()
            .collect();
        let offered: Vec<String> = self
            .exports(graph)
            .into_iter()
            .filter(|name| wanted.contains(name))
            .collect();
        if offered.is_empty() {
            bail!("the first exports nothing that the second imports");
        }
        for name in offered {
            let export = graph.alias_instance_export(self.node, &name)?;
            graph.set_instantiation_argument(user.node, &name, export)?;
        }
        Ok(())
    }

    /// Exports from the composition everything that this instance exports.
    fn export(&self, graph: &mut CompositionGraph) -> Result<()> {
        for name in self.exports(graph) {
            let export = graph.alias_instance_export(self.node, &name)?;
            graph.export(export, &name)?;
        }
        Ok(())
    }

    fn exports(&self, graph: &CompositionGraph) -> Vec<String> {
        graph.types()[graph[self.package].ty()]
            .exports
            .keys()
            .cloned()
            .collect()
    }
}
