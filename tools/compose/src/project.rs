//! The files from which everything is derived: the manifest, the WIT, and the folders of components
//! and adapters.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eventhub_manifest::Manifest;
use wit_parser::{Interface, InterfaceId, Resolve, WorldItem};

/// The namespace of the project's WIT packages.
const NAMESPACE: &str = "eventhub";

/// A checkout of the project.
pub struct Project {
    /// The folder with `wadm.yaml`.
    pub root: PathBuf,
    pub manifest: Manifest,
    pub(crate) wit: Resolve,
}

impl Project {
    /// Reads the manifest and the WIT below `root`.
    ///
    /// # Errors
    /// The manifest or the WIT is missing or malformed.
    pub fn read(root: &Path) -> Result<Self> {
        let mut wit = Resolve::default();
        let folder = root.join("wit");
        wit.push_dir(&folder)
            .with_context(|| format!("cannot read the WIT in {}", folder.display()))?;
        Ok(Self {
            root: root.into(),
            manifest: Manifest::read(&root.join("wadm.yaml"))?,
            wit,
        })
    }

    /// Whether the component is built from a folder of this checkout.
    pub(crate) fn has_source(&self, component: &str) -> bool {
        let folder = self.root.join("components").join(component);
        folder.join("Cargo.toml").is_file()
    }

    /// The packages of the namespace whose interfaces the world in the component's WIT package
    /// imports.
    pub(crate) fn imported_packages(&self, component: &str) -> BTreeSet<&str> {
        let packages = self.wit.packages.iter().map(|(_, known)| known);
        let worlds = packages
            .filter(|known| known.name.namespace == NAMESPACE && known.name.name == component)
            .flat_map(|known| known.worlds.values());
        let imports = worlds.flat_map(|id| &self.wit.worlds[*id].imports);
        imports
            .filter_map(|(_, item)| match item {
                WorldItem::Interface { id, .. } => self.wit.interfaces[*id].package,
                _ => None,
            })
            .map(|id| &self.wit.packages[id].name)
            .filter(|name| name.namespace == NAMESPACE)
            .map(|name| name.name.as_str())
            .collect()
    }

    /// The interfaces with functions of a package of the namespace: what can be called.
    pub(crate) fn callable_interfaces(&self, package: &str) -> Vec<InterfaceId> {
        let packages = self.wit.packages.iter().map(|(_, known)| known);
        packages
            .filter(|known| known.name.namespace == NAMESPACE && known.name.name == package)
            .flat_map(|known| known.interfaces.values().copied())
            .filter(|id| !self.wit.interfaces[*id].functions.is_empty())
            .collect()
    }

    /// The interface `name` of a package as the manifest writes it: `eventhub:booking`.
    pub(crate) fn interface(&self, package: &str, name: &str) -> Option<InterfaceId> {
        let package = package.strip_prefix(NAMESPACE)?.strip_prefix(':')?;
        let is_named = |id: &InterfaceId| self.wit.interfaces[*id].name.as_deref() == Some(name);
        self.callable_interfaces(package).into_iter().find(is_named)
    }

    /// `eventhub:seat-inventory/holds@0.1.0`.
    pub(crate) fn interface_name(&self, id: InterfaceId) -> Result<String> {
        self.wit.id_of(id).context("an interface has no name")
    }

    /// Where wit-bindgen puts an interface: `eventhub::seat_inventory::holds`.
    pub(crate) fn interface_module(&self, id: InterfaceId) -> Result<String> {
        let interface: &Interface = &self.wit.interfaces[id];
        let name = interface
            .name
            .as_deref()
            .context("an interface has no name")?;
        let package = interface.package.context("an interface has no package")?;
        let package = &self.wit.packages[package].name;
        let parts = [package.namespace.as_str(), package.name.as_str(), name];
        Ok(parts.map(|part| part.replace('-', "_")).join("::"))
    }
}
