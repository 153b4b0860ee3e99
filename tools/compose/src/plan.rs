//! What is built and what is composed into what.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::shims;
use crate::workspace::ALL_COMPONENTS;

/// What a build is asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Components that the manifest does not name: `bench`.
    pub extra: Vec<String>,
    /// Only the components that are or contain one of these, without adapters; empty: all.
    pub only: Vec<String>,
}

/// What a build makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the manifest.
    pub components: Vec<Component>,
    /// Shims that are files of their own, by name. The RPC servers of services are not among them.
    pub shims: Vec<String>,
    pub adapters: Vec<Adapter>,
}

/// A component and what is composed into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The name in the manifest, of the folder and of the Cargo package: `seat-inventory`.
    pub name: String,
    /// Components without an entry in the manifest that this one imports: `seat-lock`.
    pub parts: Vec<String>,
    /// The server shim of a service: `seat_inventory_server`.
    pub rpc: Option<String>,
}

/// An adapter that is written by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The folder in `adapters/`: `spin-postgres`.
    pub name: String,
    /// The Cargo package: `eventhub-spin-postgres`.
    pub package: String,
}

impl Plan {
    /// The plan for the selected components of a project.
    ///
    /// # Errors
    /// The selection names an unknown component, or the manifest names an interface that the WIT
    /// lacks.
    pub fn new(project: &Project, selection: &Selection) -> Result<Self> {
        let services = project.manifest.services();
        let named = project.manifest.components.iter();
        let named = named.map(|component| component.name.as_str());
        let mut components = Vec::new();
        for name in named
            .filter(|name| project.has_source(name))
            .chain(selection.extra.iter().map(String::as_str))
        {
            if !project.has_source(name) {
                bail!("there is no component components/{name}");
            }
            let is_service = services.iter().any(|service| service.name == name);
            components.push(Component {
                name: name.into(),
                parts: component_parts(project, name),
                rpc: is_service.then(|| shims::server_name(name)),
            });
        }
        if selection.only.is_empty() {
            let composed: BTreeSet<_> = components
                .iter()
                .filter_map(|component| component.rpc.as_deref())
                .collect();
            let shims = shims::generate_shims(project)?.into_iter();
            let shims = shims.map(|shim| shim.name);
            return Ok(Self {
                shims: shims
                    .filter(|name| !composed.contains(name.as_str()))
                    .collect(),
                adapters: written_adapters(project)?,
                components,
            });
        }
        for name in &selection.only {
            let is_known =
                |component: &Component| component.name == *name || component.parts.contains(name);
            if !components.iter().any(is_known) {
                bail!("no component is or contains {name}");
            }
        }
        components.retain(|component| {
            selection.only.contains(&component.name)
                || component
                    .parts
                    .iter()
                    .any(|part| selection.only.contains(part))
        });
        Ok(Self {
            components,
            shims: vec![],
            adapters: vec![],
        })
    }

    /// The Cargo packages that this plan needs, each once: components, parts, shims and adapters.
    #[must_use]
    pub fn packages(&self) -> Vec<&str> {
        let mut packages = Vec::new();
        for component in &self.components {
            packages.push(component.name.as_str());
            packages.extend(component.parts.iter().map(String::as_str));
            packages.extend(component.rpc.as_deref());
        }
        packages.extend(self.shims.iter().map(String::as_str));
        packages.extend(self.adapters.iter().map(|adapter| adapter.package.as_str()));
        let mut seen = BTreeSet::new();
        packages.retain(|name| seen.insert(*name));
        packages
    }
}

/// One line for each thing, its kind first; `setup/components.sh` reads this.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in self.packages() {
            writeln!(f, "package {name}")?;
        }
        writeln!(f, "package {ALL_COMPONENTS}")?;
        for component in &self.components {
            write!(f, "component {}", component.name)?;
            for part in &component.parts {
                write!(f, " part={part}")?;
            }
            if let Some(rpc) = &component.rpc {
                write!(f, " rpc={rpc}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// The components that are composed into `name`: those whose interfaces it imports, and that run
/// nowhere by themselves.
fn component_parts(project: &Project, name: &str) -> Vec<String> {
    let packages = project.imported_packages(name).into_iter();
    packages
        .filter(|package| *package != name)
        .filter(|package| project.has_source(package))
        .filter(|package| project.manifest.component(package).is_none())
        .map(str::to_string)
        .collect()
}

/// The folders in `adapters/` that are Cargo packages, by name.
pub(crate) fn written_adapters(project: &Project) -> Result<Vec<Adapter>> {
    let folder = project.root.join("adapters");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut adapters = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file = entry.path().join("Cargo.toml");
        if !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file)?;
        let manifest: toml::Table =
            toml::from_str(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        let package = manifest
            .get("package")
            .and_then(|package| package.get("name"));
        let package = package.and_then(toml::Value::as_str);
        adapters.push(Adapter {
            name: entry.file_name().to_string_lossy().into_owned(),
            package: package
                .with_context(|| format!("{} names no package", file.display()))?
                .into(),
        });
    }
    adapters.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(adapters)
}
