//! `wadm.yaml` as build scripts, tools and tests read it: which services there are, what they call,
//! and what they need. The host validates the same file with the `wadm-types` crate; this crate
//! only reads it, so that a build script stays cheap.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why the manifest cannot be read. Always the fault of its author.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {cause}")]
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{path} is not a manifest: {cause}")]
    Syntax {
        path: PathBuf,
        cause: serde_yaml::Error,
    },
    #[error("{path}: a link of {component} is malformed: {cause}")]
    Link {
        path: PathBuf,
        component: String,
        cause: serde_yaml::Error,
    },
    #[error("{path}: no capability http-server links to a component, so there is no gateway")]
    NoGateway { path: PathBuf },
}

/// The application: its components and capability providers, in the order of the file.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub components: Vec<Component>,
    pub capabilities: Vec<Component>,
    gateway: String,
}

/// A component or a capability provider.
#[derive(Clone, Debug)]
pub struct Component {
    pub name: String,
    /// `file://target/components/booking.wasm`.
    pub image: String,
    /// Environment variables: the component's configuration.
    pub environment: BTreeMap<String, String>,
    /// The links of which this component is the source.
    pub links: Vec<Link>,
}

/// A link from its component to `target`.
#[derive(Clone, Debug)]
pub struct Link {
    pub target: String,
    /// `eventhub:postgres`.
    pub package: String,
    pub interfaces: Vec<String>,
    /// Configuration of the target side: `timeout_ms`, `database`, `outbox`.
    pub properties: BTreeMap<String, String>,
    /// Configuration of the source side: `topics`, `interval_ms`.
    pub source_properties: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the manifest at `path`.
    ///
    /// # Errors
    /// [`Error`]: the file is missing, is not OAM, or names no gateway.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::Read {
            path: path.into(),
            cause,
        })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a manifest; `path` is for error texts.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let document: Document = serde_yaml::from_str(text).map_err(|cause| Error::Syntax {
            path: path.into(),
            cause,
        })?;
        let (mut capabilities, mut components) = (Vec::new(), Vec::new());
        for entry in document.spec.components {
            let is_capability = entry.kind == "capability";
            let component = parse_component(entry, path)?;
            if is_capability {
                capabilities.push(component);
            } else {
                components.push(component);
            }
        }
        let gateway = capabilities
            .iter()
            .find(|capability| capability.name == "http-server")
            .and_then(|server| server.links.first())
            .map(|link| link.target.clone());
        Ok(Self {
            components,
            capabilities,
            gateway: gateway.ok_or_else(|| Error::NoGateway { path: path.into() })?,
        })
    }

    /// The component that answers HTTP: `api-gateway`.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    /// The component of that name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|known| known.name == name)
    }

    /// The components with routes of the API, in the order of the file.
    #[must_use]
    pub fn services(&self) -> Vec<&Component> {
        self.components
            .iter()
            .filter(|component| self.route_link(&component.name).is_some())
            .collect()
    }

    /// The gateway's link to the routes of a service.
    #[must_use]
    pub fn route_link(&self, service: &str) -> Option<&Link> {
        let links = self.component(&self.gateway)?.links.iter();
        links
            .filter(|link| link.interfaces.iter().any(|name| name == "routes"))
            .find(|link| link.target == service)
    }

    /// Every database that a link to Postgres names.
    #[must_use]
    pub fn databases(&self) -> BTreeSet<&str> {
        self.postgres_properties("database")
    }

    /// Every aggregate whose facts a service writes to its outbox: `booking`.
    #[must_use]
    pub fn aggregates(&self) -> BTreeSet<&str> {
        self.postgres_properties("outbox")
    }

    fn postgres_properties(&self, key: &str) -> BTreeSet<&str> {
        let links = self
            .components
            .iter()
            .flat_map(|component| &component.links);
        links
            .filter(|link| link.package == "eventhub:postgres")
            .filter_map(|link| link.properties.get(key))
            .flat_map(|text| text.split(',').map(str::trim))
            .filter(|name| !name.is_empty())
            .collect()
    }
}

#[derive(Deserialize)]
struct Document {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    components: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    properties: EntryProperties,
    #[serde(default)]
    traits: Vec<Trait>,
}

#[derive(Deserialize, Default)]
struct EntryProperties {
    #[serde(default)]
    image: String,
    #[serde(default)]
    config: Vec<NamedConfig>,
}

#[derive(Deserialize)]
struct NamedConfig {
    name: String,
    #[serde(default)]
    properties: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Trait {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    properties: serde_yaml::Value,
}

#[derive(Deserialize)]
struct LinkProperties {
    target: End,
    #[serde(default)]
    source: Option<SourceEnd>,
    namespace: String,
    package: String,
    #[serde(default)]
    interfaces: Vec<String>,
}

#[derive(Deserialize)]
struct End {
    name: String,
    #[serde(default)]
    config: Vec<NamedConfig>,
}

#[derive(Deserialize)]
struct SourceEnd {
    #[serde(default)]
    config: Vec<NamedConfig>,
}

/// The suffix of a component's configuration that holds the limits of its instances.
pub const LIMITS_SUFFIX: &str = "-limits";

fn flatten(configs: Vec<NamedConfig>) -> BTreeMap<String, String> {
    configs
        .into_iter()
        .flat_map(|config| config.properties)
        .collect()
}

fn parse_component(entry: Entry, path: &Path) -> Result<Component, Error> {
    let mut links = Vec::new();
    for one in entry.traits.into_iter().filter(|one| one.kind == "link") {
        let link: LinkProperties =
            serde_yaml::from_value(one.properties).map_err(|cause| Error::Link {
                path: path.into(),
                component: entry.name.clone(),
                cause,
            })?;
        links.push(Link::from(link));
    }
    let environment = entry.properties.config.into_iter();
    let environment = environment.filter(|config| !config.name.ends_with(LIMITS_SUFFIX));
    Ok(Component {
        name: entry.name,
        image: entry.properties.image,
        environment: flatten(environment.collect()),
        links,
    })
}

impl From<LinkProperties> for Link {
    fn from(link: LinkProperties) -> Self {
        Self {
            target: link.target.name,
            package: format!("{}:{}", link.namespace, link.package),
            interfaces: link.interfaces,
            properties: flatten(link.target.config),
            source_properties: link
                .source
                .map(|end| flatten(end.config))
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> Manifest {
        Manifest::read(Path::new("../../wadm.yaml")).unwrap()
    }

    #[test]
    fn services_are_what_the_gateway_links_to() {
        let manifest = project();
        assert_eq!(manifest.gateway(), "api-gateway");
        let names: Vec<_> = manifest
            .services()
            .iter()
            .map(|service| service.name.as_str())
            .collect();
        assert!(
            names.contains(&"booking") && !names.contains(&"payment-stripe"),
            "{names:?}"
        );
    }

    #[test]
    fn databases_and_aggregates_come_from_links() {
        let manifest = project();
        assert!(manifest.databases().contains("booking_db"));
        assert!(manifest.aggregates().contains("booking"));
    }

    #[test]
    fn a_malformed_link_is_refused() {
        let text = "spec: {components: [{name: a, type: component, \
                    traits: [{type: link, properties: {target: b}}]}]}";
        let error = Manifest::parse(text, Path::new("x.yaml")).unwrap_err();
        assert!(matches!(error, Error::Link { .. }), "{error}");
    }

    #[test]
    fn a_manifest_without_a_gateway_is_refused() {
        let error = Manifest::parse("spec: {components: []}", Path::new("x.yaml")).unwrap_err();
        assert!(matches!(error, Error::NoGateway { .. }), "{error}");
    }
}
