//! Components composed of others, each into an ordinary component that every host takes; the parts
//! share its store and its fate.
//!
//! What the component imports and a part exports is connected. A door imports what the component
//! exports and offers it in another way, over HTTP for instance: the result exports both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

/// The composed component.
///
/// # Errors
/// A file that is no component, or a part that fits nowhere.
pub fn compose(component: &Path, parts: &[PathBuf], door: Option<&Path>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let main = Instance::new(&mut graph, component)?;
    for path in parts {
        let part = Instance::new(&mut graph, path)?;
        part.plug_into(&mut graph, &main)
            .with_context(|| format!("{} into {}", path.display(), component.display()))?;
    }
    if let Some(path) = door {
        let door = Instance::new(&mut graph, path)?;
        main.plug_into(&mut graph, &door)
            .with_context(|| format!("{} behind {}", component.display(), path.display()))?;
        door.export(&mut graph)?;
    }
    main.export(&mut graph)?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// The names of what a component imports and exports.
///
/// # Errors
/// The bytes are no component.
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

    /// Gives what this exports to whom it is imported by.
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
            bail!("the one exports nothing that the other imports");
        }
        for name in offered {
            let export = graph.alias_instance_export(self.node, &name)?;
            graph.set_instantiation_argument(user.node, &name, export)?;
        }
        Ok(())
    }

    /// Makes all that this exports exports of the whole.
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
